"""Who runs beside Tamis, at which versions, and how each is installed."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
ARROW = ("numpy==2.4.6", "pyarrow==26.0.1")


@dataclass(frozen=True)
class Peer:
    name: str
    benches: tuple
    packages: tuple = ()
    """From PyPI, into an environment of its own."""
    program: tuple = ()
    """A program on the PATH, with the words that print its version."""
    debian: str = ""
    """The Debian package that has the program."""

    @property
    def module(self):
        return self.name.replace("-", "_")


PEERS = (
    Peer("tamis", ("w1", "w2", "w4", "w5", "w6")),
    Peer("files", ("w1",)),
    Peer("git", ("w1",), program=("git", "--version"), debian="git"),
    Peer("git-lfs", ("w1",), program=("git-lfs", "--version"), debian="git-lfs"),
    Peer("dvc", ("w1",), packages=("dvc==3.67.1",)),
    Peer("oxenai", ("w1",), packages=("oxenai==0.65.1",)),
    Peer("pylance", ("w1", "w2"), packages=("pylance==14.0.2", *ARROW)),
    Peer("doltlite", ("w1", "w2"), packages=("doltlite==0.51.3", *ARROW)),
    Peer("deeplake", ("w1", "w2"), packages=("deeplake==4.7.4", *ARROW)),
    Peer("datumaro", ("w6",), packages=("datumaro==1.13.12",)),
    Peer("fiftyone", ("w6",), packages=("fiftyone==1.22.1",)),
    Peer("deltalake", ("w2",), packages=("deltalake==1.6.6", *ARROW)),
)


def of(bench):
    """The peers that take part in a bench, Tamis first."""
    return [peer for peer in PEERS if bench in peer.benches]


def find(name):
    """The peer of that name."""
    return next(peer for peer in PEERS if peer.name == name)


def python(peer):
    """The interpreter that runs a peer, after installing what is missing."""
    if peer.program and not shutil.which(peer.program[0]):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise RuntimeError(f"`{peer.program[0]}` is missing: install the Debian package `{peer.debian}`")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", peer.debian], check=True, stdout=subprocess.DEVNULL)
    if not peer.packages:
        return sys.executable
    folder = os.path.join(HERE, f".venv-{peer.name}")
    stamp, wanted = os.path.join(folder, ".packages"), "\n".join(peer.packages)
    if not os.path.exists(stamp) or open(stamp).read() != wanted:
        print(f"installing {', '.join(peer.packages)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", *peer.packages], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)
    return os.path.join(folder, "bin", "python")


def version(peer):
    """What it says of its own version."""
    if peer.packages:
        return peer.packages[0].split("==")[1]
    if peer.program:
        return subprocess.run(peer.program, capture_output=True, text=True).stdout.split("\n")[0].strip()
    if peer.name == "tamis":
        return subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return "-"
