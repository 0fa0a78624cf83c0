"""How Tamis takes its turns: by its own benches, written as examples of the crates, in a release build."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

BENCHES = ("w1", "w2", "w4", "w5")


def build(*words):
    """Builds in release mode; the program's path is relative to the target folder."""
    subprocess.run(["cargo", "build", "--release", "--locked", *words], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target"), "release")


def command(bench, size, folder, table, quick):
    """The words that run one bench; its lines are those of measure.py."""
    if bench == "w1":
        os.environ["TAMIS"] = os.path.join(build("--package", "tamis-cli"), "tamis")
        return [sys.executable, os.path.join(HERE, "w1", "driver.py"), "tamis", str(size["files"]), folder, str(int(quick))]
    raise RuntimeError(f"Tamis has no program for {bench} yet")
