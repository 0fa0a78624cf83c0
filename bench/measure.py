"""Timing that is the same for every peer: seconds, bytes on disk, files, memory. Standard library only."""

import ctypes
import json
import os
import resource
import statistics
import sys
import time


class Unsupported(Exception):
    """A peer cannot do this step; the text says why and ends up below the table."""


def size_of(folder):
    """(bytes, files) below a folder: apparent sizes, directories not counted."""
    total = files = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
                files += 1
            except FileNotFoundError:
                pass
    return total, files


def sync_filesystem(folder):
    """Seconds until everything written so far to the file system of `folder` is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        start = time.perf_counter()
        ctypes.CDLL(None, use_errno=True).syncfs(handle)
        return time.perf_counter() - start
    finally:
        os.close(handle)


def peak_mb():
    """Peak memory of this process or the largest child it waited for, in MB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children) / 1024


class Recorder:
    """Runs steps and prints one JSON line for each.

    `durable` says whether the peer's own commit reaches the disk (fsync). Where it does not, the time of a `syncfs`
    after the step counts too, so that every write ends on disk for everybody. Before a step the disk is made quiet.
    """

    def __init__(self, work, durable):
        self.work = work
        self.durable = durable

    def step(self, name, action, *, writes=False, repeat=1, per=1, setup=None):
        """Times `action(i)` for `repeat` runs; the median per `per` units is the result. Returns its last answer."""
        times, written, answer = [], [], None
        for i in range(repeat):
            given = setup(i) if setup else None
            before = 0
            if writes:
                sync_filesystem(self.work)
                before = size_of(self.work)[0]
            start = time.perf_counter()
            try:
                answer = action(i) if given is None else action(given)
            except Unsupported as reason:
                emit(step=name, unsupported=str(reason))
                return None
            seconds = time.perf_counter() - start
            if writes and not self.durable:
                seconds += sync_filesystem(self.work)
            times.append(seconds / per)
            if writes:
                written.append(size_of(self.work)[0] - before)
        line = {"step": name, "seconds": statistics.median(times), "n": repeat, "min": min(times), "max": max(times)}
        if isinstance(answer, int):
            line["answer"] = answer
        if writes:
            line["bytes"] = statistics.median(written)
            line["files"] = size_of(self.work)[1]
        emit(**line)
        return answer


def emit(**line):
    """One result line for the run that started us."""
    print("@" + json.dumps(line), flush=True)


def note(text):
    """Something for the person who watches."""
    print(text, file=sys.stderr, flush=True)
