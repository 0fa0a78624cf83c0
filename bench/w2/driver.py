"""W2: one peer's turn with a table of label rows. `python driver.py PEER TABLE.arrow WORK ROWS_QUICK`.

Runs in the peer's own environment. Each step checks its answer: a fast wrong answer stops the run.
"""

import importlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np
import pyarrow as pa
import pyarrow.compute

import data
from measure import Recorder, Unsupported, emit, note, peak_mb, size_of, sync_filesystem

EDIT = 1000
COMMON = 10
SMALL = 10


class Turn:
    def __init__(self, name, table, work, quick):
        self.table, self.work, self.quick = table, work, quick
        self.rows = table.num_rows
        self.edit = min(EDIT, self.rows // 100)
        self.peer = importlib.import_module(f"w2_{name}").Peer(work)
        self.record = Recorder(work, self.peer.durable)
        self.boxes = pa.compute.sum(pa.compute.list_value_length(table["boxes"])).as_py()
        self.editable = data.editable(table)
        self.seed = 100

    def batch(self, count=None, rows=None):
        """A fresh edit: whole rows with new labels."""
        self.seed += 1
        if rows is None:
            rows = np.sort(np.random.default_rng(self.seed).choice(self.editable, count or self.edit, replace=False))
        return data.edited_rows(self.table, rows, self.seed)

    def expect(self, what, answer, wanted):
        if answer is not None and answer != wanted:
            emit(step=what, wrong=f"answered {answer} where {wanted} is right")
            note(f"{what}: answered {answer}, expected {wanted}")

    def run(self):
        peer, record = self.peer, self.record
        emit(step="memory before", mb=peak_mb())
        record.step("first commit", lambda _: peer.create(self.table), writes=True)
        record.step("prepare", lambda _: peer.prepare(), writes=True)
        self.edits_and_reads("")
        self.branch_and_merge()
        commits = self.small_commits()
        if commits:
            emit(step="small commits", answer=commits)
            self.edits_and_reads(", after small commits")

    def edits_and_reads(self, when):
        peer, record = self.peer, self.record
        repeat = 3 if self.quick or peer.slow else 7
        record.step("edit 1,000" + when, peer.edit, writes=True, repeat=repeat, setup=lambda _: self.batch())
        answer = record.step("diff" + when, lambda _: peer.diff(), repeat=repeat)
        self.expect("diff" + when, answer, self.edit)
        answer = record.step("scan labels" + when, lambda _: peer.scan_labels(), repeat=repeat)
        self.expect("scan labels" + when, answer, self.boxes)
        answer = record.step("scan class" + when, lambda _: peer.scan_class(), repeat=repeat)
        self.expect("scan class" + when, answer, self.boxes)
        keys = self.table["id"].take(pa.array(np.random.default_rng(5).integers(0, self.rows, 20 if peer.slow else 200))).to_pylist()
        peer.lookup(keys[0])
        found = record.step("lookup" + when, lambda _: sum(peer.lookup(key) == key for key in keys), per=len(keys), repeat=3)
        self.expect("lookup" + when, found, len(keys))

    def branch_and_merge(self):
        peer, record = self.peer, self.record
        record.step("branch", lambda i: peer.branch(f"branch{i}"), writes=True, repeat=3)
        common = min(COMMON, self.edit // 10)
        rng = np.random.default_rng(9)
        rows = rng.choice(self.editable, 2 * self.edit - common, replace=False)
        ours, theirs = np.sort(rows[:self.edit]), np.sort(rows[self.edit - common:])
        try:
            peer.fork(self.batch(rows=theirs), self.batch(rows=ours))
        except Unsupported as reason:
            emit(step="merge", unsupported=str(reason))
            return
        conflicts = record.step("merge", lambda _: peer.merge(), writes=True)
        self.expect("merge", conflicts, common)

    def small_commits(self):
        """Commits of ten rows, a thousand or as many as fit into two minutes."""
        peer, wanted = self.peer, 20 if self.quick else 1000
        start, times, before = time.perf_counter(), [], size_of(self.work)[0]
        for done in range(wanted):
            batch = self.batch(SMALL)
            begin = time.perf_counter()
            peer.edit(batch)
            if not peer.durable:
                sync_filesystem(self.work)
            times.append(time.perf_counter() - begin)
            if time.perf_counter() - start > 120:
                break
        times.sort()
        emit(step="small commit", seconds=times[len(times) // 2], n=len(times), min=times[0], max=times[-1],
             bytes=(size_of(self.work)[0] - before) / len(times), files=size_of(self.work)[1])
        return len(times)


if __name__ == "__main__":
    _, name, path, work, quick = sys.argv
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    with pa.memory_map(path) as source:
        table = pa.ipc.open_file(source).read_all()
    table = pa.table({name: column for name, column in zip(table.column_names, table.columns)})
    os.makedirs(work)
    Turn(name, table, work, quick == "1").run()
