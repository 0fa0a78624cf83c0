"""Tables from the lines of a run, and bench/README.md around them."""

import json
import os
import platform
import subprocess
import time

TITLES = {
    "w1": "W1 and W3: {files:,} images of 4 KB; single reads of them",
    "w2": "W2: {rows:,} label rows",
    "w4": "W4: {many:,} label rows, Tamis alone",
    "w5": "W5: clone and push over S3 on the loopback, Tamis alone",
    "w6": "W6: COCO of {images:,} images with some 7 labels each, and VOC; media stay where they are",
}
RESULTS = "<!-- results -->\n"


def tables(results):
    """Every bench as a Markdown table: a row a step, a column a peer, and how Tamis stands to the best peer."""
    return "\n\n".join(f"### {TITLES.get(bench, bench).split(',')[0].split(':')[0]}\n\n{table(turns)}" for bench, turns in results.items())


def table(turns):
    names = list(turns)
    steps = dict.fromkeys(step for turn in turns.values() for step in turn if step != "error")
    rows = [["", *names, "tamis : best"] if "tamis" in turns else ["", *names]]
    for step in steps:
        rows.append([step, *(cell(turns[name].get(step)) for name in names), *([ratio(step, turns)] if "tamis" in turns else [])])
        written = [turns[name].get(step, {}).get("bytes") for name in names]
        if step != "store" and any(written):
            rows.append([f"… written", *(amount(value) if value is not None else "" for value in written), *([""] if "tamis" in turns else [])])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines + notes(turns))


def cell(line):
    """What one peer did in one step."""
    if not line:
        return ""
    if "unsupported" in line:
        return "–"
    parts = []
    if "seconds" in line:
        parts.append(duration(line["seconds"]) + (" (wrong)" if "wrong" in line else ""))
        if "megabytes" in line:
            parts.append(f"{line['megabytes'] / line['seconds']:,.0f} MB/s")
    elif "bytes" in line:
        parts.append(amount(line["bytes"]) + (f" in {line['files']:,} files" if line.get("files") else ""))
    elif "mb" in line:
        parts.append(f"{line['mb']:,.0f} MB")
    elif "answer" in line:
        parts.append(f"{line['answer']:,}")
    return ", ".join(parts)


def ratio(step, turns):
    """Tamis's time over the best right answer of the peers; the bare files are the floor, not a peer."""
    ours = turns["tamis"].get(step, {}).get("seconds")
    right = [turn[step]["seconds"] for name, turn in turns.items()
             if name not in ("tamis", "files") and "seconds" in turn.get(step, {}) and "wrong" not in turn[step]]
    return f"{ours / min(right):.2f}" if ours and right else ""


def notes(turns):
    """Why a cell is empty or wrong, and who failed."""
    said = {}
    for name, turn in turns.items():
        if "error" in turn:
            said.setdefault("failed; the run's own output says why", []).append(name)
        for step, line in turn.items():
            for kind in ("unsupported", "wrong"):
                if step != "error" and kind in line:
                    said.setdefault(line[kind] if kind == "unsupported" else f"{step}: {line[kind]}", []).append(name)
    return ["", *(f"- {', '.join(dict.fromkeys(names))}: {reason}" for reason, names in said.items())] if said else []


def duration(seconds):
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def amount(size):
    if size < 10_000_000:
        return f"{size / 1e3:,.0f} KB" if size >= 10_000 else f"{size:,.0f} B"
    return f"{size / 1e6:,.0f} MB"


def machine(work):
    """What the run ran on."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    memory = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) / 1024**2
    kind = subprocess.run(["stat", "--file-system", "--format=%T", work], capture_output=True, text=True).stdout.strip()
    return (f"{os.cpu_count()} × {model}, {memory:.0f} GiB memory, Linux {platform.release()}, file system {kind}, "
            f"Python {platform.python_version()}, load before the run {os.getloadavg()[2]:.1f}")


def keep(work, bench, turns, versions):
    """Remembers a whole run of one bench, with all its peers, for the tables in the README."""
    said = {"turns": turns, "versions": versions, "date": time.strftime("%Y-%m-%d"), "machine": machine(work)}
    with open(kept(work, bench), "w") as file:
        json.dump(said, file, indent=1)


def kept(work, bench):
    return os.path.join(work, f"results-{bench}.json")


def write(path, size, work):
    """Puts the tables of the last whole run of each bench into the README, below the text that people wrote."""
    head = open(path).read().split(RESULTS)[0]
    parts = [head + RESULTS]
    for bench, title in TITLES.items():
        if not os.path.exists(kept(work, bench)):
            continue
        with open(kept(work, bench)) as file:
            run = json.load(file)
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items() if version != "-")
        parts.append(f"### {title.format(**size)}\n\n{table(run['turns'])}\n")
        parts.append(f"Run of {run['date']} on {run['machine']}." + (f" Versions: {versions}." if versions else "") + "\n")
    with open(path, "w") as file:
        file.write("\n".join(parts))
