"""doltlite: a table of key and content."""

import doltlite  # noqa: F401  must come first: it replaces the SQLite library

import os
import sqlite3

from peer import Peer as Store


class Peer(Store):
    durable = True

    def begin(self):
        os.makedirs(self.store)
        self.db = sqlite3.connect(os.path.join(self.store, "t.db"), isolation_level=None)
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE files (path TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID")

    def first(self):
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO files VALUES (?, ?)", self.files())
        self.db.execute("COMMIT")
        self.db.execute("SELECT dolt_commit('-A', '-m', 'first')").fetchall()

    def read_many(self, keys):
        return sum(len(self.read(key)) for key in keys)

    def read(self, key):
        return self.db.execute("SELECT content FROM files WHERE path = ?", (key,)).fetchone()[0]

    def read_all(self):
        return sum(len(content) for (content,) in self.db.execute("SELECT content FROM files"))
