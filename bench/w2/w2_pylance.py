"""Lance: a dataset with stable row ids and a BTREE index on the key, edited by `merge_insert`."""

import os

import lance
import pyarrow as pa

from measure import Unsupported


class Peer:
    durable = False
    slow = False

    def __init__(self, work):
        self.path = os.path.join(work, "t.lance")

    def create(self, table):
        self.data = lance.write_dataset(table, self.path, enable_stable_row_ids=True)

    def prepare(self):
        self.data.create_scalar_index("id", "BTREE")

    def edit(self, batch):
        self.data.merge_insert("id").when_matched_update_all().execute(batch)
        self.data = lance.dataset(self.path)

    def diff(self):
        """New values by the delta, old ones by key at the version before."""
        before = self.data.version - 1
        new = pa.Table.from_batches(self.data.delta(compared_against=before).get_updated_rows())
        keys = ",".join(f"'{key}'" for key in new["id"].to_pylist())
        old = self.data.checkout_version(before).to_table(columns=["id", "boxes"], filter=f"id IN ({keys})")
        assert old.num_rows == new.num_rows
        return new.num_rows

    def branch(self, name):
        self.data.create_branch(name)

    def fork(self, theirs, ours):
        raise Unsupported("Lance has branches but no merge between them")

    def merge(self):
        raise Unsupported("Lance has branches but no merge between them")

    def scan_labels(self):
        return len(self.data.to_table(columns=["boxes"])["boxes"].combine_chunks().flatten())

    def scan_class(self):
        # The dataset's scanner cannot project a field inside a list.
        return len(self.data.to_table(columns=["boxes"])["boxes"].combine_chunks().flatten().field("class"))

    def lookup(self, key):
        return self.data.to_table(filter=f"id = '{key}'")["id"][0].as_py()
