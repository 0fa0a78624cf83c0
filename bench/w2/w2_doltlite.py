"""doltlite: SQLite with Dolt's prolly trees. One row a sample; the boxes of a sample are one value."""

import doltlite  # noqa: F401  must come first: it replaces the SQLite library

import os
import sqlite3

import numpy as np
import pyarrow as pa

BOX = np.dtype([("id", "<u8"), ("class", "u1"), ("xmin", "<f4"), ("ymin", "<f4"), ("xmax", "<f4"), ("ymax", "<f4"), ("confidence", "<f4")])


class Peer:
    durable = True
    slow = False

    def __init__(self, work):
        self.db = sqlite3.connect(os.path.join(work, "t.db"), isolation_level=None)
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE samples (id TEXT PRIMARY KEY, ts INTEGER, split TEXT, speed REAL, score REAL, boxes BLOB, attributes TEXT) WITHOUT ROWID")
        self.db.execute("SELECT dolt_commit('-A', '-m', 'schema')")

    def create(self, table):
        columns = [table[name].to_pylist() for name in ("id", "ts", "split", "speed", "score")]
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)", zip(*columns, *packed(table)))
        self.db.execute("COMMIT")
        self.commit("first")

    def commit(self, message):
        self.db.execute("SELECT dolt_commit('-A', '-m', ?)", (message,)).fetchall()

    def prepare(self):
        pass

    def edit(self, batch):
        self.db.execute("BEGIN")
        self.db.executemany("UPDATE samples SET boxes = ?, attributes = ? WHERE id = ?", zip(*packed(batch), batch["id"].to_pylist()))
        self.db.execute("COMMIT")
        self.commit("edit")

    def diff(self):
        rows = self.db.execute(
            "SELECT to_id, from_boxes, to_boxes FROM dolt_diff_samples('HEAD~1', 'HEAD')").fetchall()
        assert all(old != new for _, old, new in rows if old or new)
        return len(rows)

    def branch(self, name):
        self.db.execute("SELECT dolt_branch(?)", (name,)).fetchall()

    def fork(self, theirs, ours):
        self.branch("other")
        self.db.execute("SELECT dolt_checkout('other')").fetchall()
        self.edit(theirs)
        self.db.execute("SELECT dolt_checkout('main')").fetchall()
        self.edit(ours)

    def merge(self):
        """Merges, counts the conflicts, keeps ours for them and commits: all in one transaction, as it demands."""
        self.db.execute("BEGIN")
        try:
            self.db.execute("SELECT dolt_merge('other')").fetchall()
        except sqlite3.OperationalError as error:
            if "conflict" not in str(error):
                raise
        conflicts = self.db.execute("SELECT count(*) FROM dolt_conflicts_samples").fetchone()[0]
        self.db.execute("SELECT dolt_conflicts_resolve('--ours', 'samples')").fetchall()
        self.commit("merge")
        self.db.execute("COMMIT")
        return conflicts

    def scan_labels(self):
        boxes = [boxes for (boxes, _) in self.db.execute("SELECT boxes, attributes FROM samples")]
        return len(unpacked(boxes).flatten())

    def scan_class(self):
        boxes = b"".join(boxes for (boxes,) in self.db.execute("SELECT boxes FROM samples"))
        return len(pa.array(np.frombuffer(boxes, BOX)["class"]))

    def lookup(self, key):
        return self.db.execute("SELECT * FROM samples WHERE id = ?", (key,)).fetchone()[0]


def packed(table):
    """(boxes, attributes) of each row: fixed records as bytes, attribute objects as text with one a line."""
    boxes = table["boxes"].combine_chunks()
    flat = boxes.flatten()
    records = np.empty(len(flat), BOX)
    for name in BOX.names:
        records[name] = flat.field(name).to_numpy(zero_copy_only=False)
    raw, size = records.tobytes(), BOX.itemsize
    ends = np.cumsum(boxes.value_lengths().to_numpy(zero_copy_only=False)).tolist()
    texts = flat.field("attributes").to_pylist()
    starts = [0, *ends[:-1]]
    return ([raw[start * size:end * size] for start, end in zip(starts, ends)],
            ["\n".join(text or "" for text in texts[start:end]) for start, end in zip(starts, ends)])


def unpacked(boxes):
    """The Arrow list column again, without attributes."""
    records = np.frombuffer(b"".join(boxes), BOX)
    offsets = np.cumsum([0, *(len(value) // BOX.itemsize for value in boxes)]).astype(np.int32)
    struct = pa.StructArray.from_arrays([pa.array(np.ascontiguousarray(records[name])) for name in BOX.names], list(BOX.names))
    return pa.ListArray.from_arrays(pa.array(offsets), struct)
