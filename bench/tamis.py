"""How Tamis takes its turns: the program itself for files, the crates' own examples for tables; all in release builds.

Also run as a program, for benches of several processes: `tamis.py w4|w5 PROGRAM COUNT WORK QUICK`.
"""

import os
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

BENCHES = ("w1", "w2", "w4", "w5", "w6")


def build(package, *words):
    """Builds in release mode; gives the folder of the programs."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--package", package, *words], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target"), "release")


def label_rows():
    return os.path.join(build("tamis-table", "--example", "label_rows"), "examples", "label_rows")


def command(bench, size, folder, table, quick):
    """The words that run one bench; its lines are those of measure.py."""
    quick = str(int(quick))
    if bench in ("w1", "w6"):
        os.environ["TAMIS"] = os.path.join(build("tamis-cli"), "tamis")
        count = size["files"] if bench == "w1" else size["images"]
        return [sys.executable, os.path.join(HERE, bench, "driver.py"), "tamis", str(count), folder, quick]
    if bench == "w2":
        return [label_rows(), "table", table, folder, quick]
    program = label_rows() if bench == "w4" else os.path.join(build("tamis-repo", "--example", "remote"), "examples", "remote")
    count = size["many"] if bench == "w4" else size["rows"]
    return [sys.executable, os.path.abspath(__file__), bench, program, str(count), folder, quick]


def many_rows(program, rows, work, quick):
    """W4: builds, edits, reads; then what a new process sees with warm pages, and with pages that are not in memory."""
    run(program, "build", rows, work, quick)
    run(program, "touch", work, rows)
    drop_pages(work)
    run(program, "touch", work, rows, rename=lambda step: "cold, " + step)


def run(*words, rename=None):
    """Runs a program and passes its lines on, with other names of steps if wanted."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if rename and line.startswith('@{"step":"'):
            start = len('@{"step":"')
            end = line.index('"', start)
            line = line[:start] + rename(line[start:end]) + line[end:]
        print(line, end="", flush=True)
    if process.wait():
        sys.exit(f"`{' '.join(words)}` ended with {process.returncode}")


def drop_pages(folder):
    """Takes the files of a folder out of the page cache."""
    os.sync()
    for root, _, names in os.walk(folder):
        for name in names:
            handle = os.open(os.path.join(root, name), os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def over_s3(program, rows, work, quick):
    """W5: an S3 server on the loopback, started for this run from the tests' environment."""
    venv = os.environ.get("TAMIS_VENV") or os.path.expanduser("~/.cache/tamis-venv")
    server = os.path.join(venv, "bin", "moto_server")
    if not os.path.exists(server):
        sys.exit("no `moto_server`: run `make venv`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
        os.environ.update(keys)
        make = ("import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1]).create_bucket(Bucket='bench')")
        endpoint = f"http://127.0.0.1:{port}"
        subprocess.run([os.path.join(venv, "bin", "python"), "-c", make, endpoint],
                       env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}, check=True)
        run(program, rows, work, f"s3://bench/lake?endpoint={endpoint}&allow_http=true&region=us-east-1", quick)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    _, bench, program, count, work, quick = sys.argv
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    {"w4": many_rows, "w5": over_s3}[bench](program, count, work, quick)
