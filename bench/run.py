"""Runs Tamis beside its peers on the same data and writes what came out to bench/README.md. Standard library only.

    python3 bench/run.py                      everything, about an hour on two cores
    python3 bench/run.py --quick              small sizes, to see that all work; writes no results
    python3 bench/run.py --only w2            one bench with all its peers; its table is written anew, the others stay
    python3 bench/run.py --only w2 --peers tamis,pylance

W1: 50,000 small images under version control. W2: a table of 1 M label rows. W3: reading single blobs (with W1).
W4: 100 M rows (Tamis alone). W5: clone and push over S3 on this machine (Tamis alone). W6: formats.
Each peer runs in its own environment below bench/.venv-PEER, made when it is missing, at the versions of peers.py.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import peers
import report
import tamis

SIZES = {"full": {"files": 50_000, "rows": 1_000_000, "many": 100_000_000, "images": 118_000}, "quick": {"files": 2_000, "rows": 20_000, "many": 200_000, "images": 1_180}}


def main():
    options = arguments()
    size = SIZES["quick" if options.quick else "full"]
    chosen = options.peers.split(",") if options.peers else None
    work = os.path.abspath(options.work)
    os.makedirs(work, exist_ok=True)
    results = {}
    for bench in options.only.split(","):
        for peer in peers.of(bench):
            if chosen and peer.name not in chosen:
                continue
            results.setdefault(bench, {})[peer.name] = turn(bench, peer, size, work, options)
        if bench in results and not (options.quick or chosen):
            report.keep(work, bench, results[bench], versions(results[bench]))
    print(report.tables(results))
    if options.quick or chosen:
        print("small sizes or not all peers: bench/README.md stays as it is", file=sys.stderr)
    else:
        report.write(os.path.join(HERE, "README.md"), size, work)
    failed = [f"{bench} {name}" for bench, turns in results.items() for name, turn in turns.items() if "error" in turn]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes no results")
    parser.add_argument("--only", default="w1,w2,w4,w5,w6", help="benches to run (w3 comes with w1)")
    parser.add_argument("--peers", help="peers to run, by name: " + ", ".join(peer.name for peer in peers.PEERS))
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder for data and stores, on the disk to measure")
    parser.add_argument("--keep", action="store_true", help="leave the stores where they are")
    return parser.parse_args()


def turn(bench, peer, size, work, options):
    """One peer's lines: {step: line}, or {"error": text}."""
    folder = os.path.join(work, f"{bench}-{peer.name}")
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{bench} {peer.name} …", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        lines = collect(command(bench, peer, size, work, folder, options.quick))
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        print(f"{bench} {peer.name}: {error}", file=sys.stderr)
        lines = {"error": str(error)}
    print(f"{bench} {peer.name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return lines


def command(bench, peer, size, work, folder, quick):
    """The words that run a peer's turn."""
    if peer.name == "tamis" and bench in tamis.BENCHES:
        table = rows(work, size["rows"]) if bench == "w2" else None
        return tamis.command(bench, size, folder, table, quick)
    python = peers.python(peer)
    if bench in ("w1", "w6"):
        count = size["files"] if bench == "w1" else size["images"]
        return [python, os.path.join(HERE, bench, "driver.py"), peer.module, str(count), folder, str(int(quick))]
    return [python, os.path.join(HERE, "w2", "driver.py"), peer.module, rows(work, size["rows"]), folder, str(int(quick))]


def rows(work, count):
    """Path of the table of label rows as an Arrow file; made once."""
    path = os.path.join(work, f"rows-{count}.arrow")
    if not os.path.exists(path):
        code = ("import sys; sys.path.insert(0, sys.argv[1]); import data, pyarrow as pa\n"
                "table = data.label_rows(int(sys.argv[3]))\n"
                "with pa.ipc.new_file(sys.argv[2] + '.tmp', table.schema) as out: out.write_table(table, 65536)\n")
        subprocess.run([peers.python(peers.find("pylance")), "-c", code, HERE, path, str(count)], check=True)
        os.rename(path + ".tmp", path)
    return path


def collect(words):
    """Runs a turn, passes on what it says, and gathers its lines; the peak memory is the kernel's figure for it."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    lines = {}
    for text in process.stdout:
        if text.startswith("@{"):
            line = json.loads(text[1:])
            lines.setdefault(line.pop("step"), {}).update(line)
        elif text.strip():
            print("   ", text.rstrip(), file=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    lines["peak memory"] = {"mb": usage.ru_maxrss / 1024}
    if process.returncode:
        raise RuntimeError(f"`{' '.join(words)}` ended with {process.returncode}")
    return lines


def versions(turns):
    return {name: peers.version(peers.find(name)) for name in sorted(turns)}


if __name__ == "__main__":
    main()
