"""W1 and W3: one peer's turn with many small files. `python driver.py PEER COUNT WORK QUICK`.

Runs in the peer's own environment. A peer does what it can: version control of a folder, or keeping blobs by key.
"""

import importlib
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import data
from measure import Recorder, emit, note


class Turn:
    def __init__(self, name, count, work, quick):
        self.repo = os.path.join(work, "repo")
        self.folder = os.path.join(self.repo, "data")
        self.paths, self.bytes = data.make_files(self.folder, count)
        self.peer = importlib.import_module(f"w1_{name}").Peer(self.repo, self.folder)
        self.record = Recorder(work, self.peer.durable)
        self.edits, self.reads, self.repeat = min(100, count // 10), min(10_000, count), 1 if quick else 3

    def expect(self, step, answer, wanted):
        if answer is not None and answer != wanted:
            emit(step=step, wrong=f"answered {answer} where {wanted} is right")
            note(f"{step}: answered {answer}, expected {wanted}")

    def run(self):
        peer, record = self.peer, self.record
        peer.begin()
        record.step("import and commit", lambda _: peer.first(), writes=True)
        emit(step="store", bytes=peer.stored()[0], files=peer.stored()[1])
        peer.ready()
        self.expect("status clean", record.step("status clean", lambda _: peer.status(), repeat=self.repeat), 0)
        data.edit_files(peer.working(self.paths), self.edits, 7)
        self.expect("status after edits", record.step("status after edits", lambda _: peer.status(), repeat=self.repeat), self.edits)
        record.step("commit edits", lambda _: peer.second(), writes=True)
        self.expect("diff", record.step("diff", lambda _: peer.diff(), repeat=self.repeat), self.edits)
        record.step("restore", lambda _: peer.restore(), setup=lambda _: peer.empty(), writes=True, repeat=self.repeat)
        self.expect("restore", peer.restored(), len(self.paths))
        self.random_reads()

    def random_reads(self):
        peer, record = self.peer, self.record
        rng = random.Random(3)
        keys = [os.path.relpath(self.paths[i], self.folder) for i in rng.sample(range(len(self.paths)), self.reads)]
        few = keys[:max(1, len(keys) // 10)]
        record.step("read random, batched", lambda _: peer.read_many(keys), per=len(keys), repeat=self.repeat)
        record.step("read random, one by one", lambda _: sum(len(peer.read(key)) for key in few), per=len(few), repeat=self.repeat)
        read = record.step("read all", lambda _: peer.read_all(), repeat=self.repeat)
        if isinstance(read, int):
            emit(step="read all", megabytes=read / 1e6)


if __name__ == "__main__":
    _, name, count, work, quick = sys.argv
    os.makedirs(work)
    Turn(name, int(count), work, quick == "1").run()
