"""Delta Lake by delta-rs: change data feed on, edited by `merge` on the key."""

import os

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from measure import Unsupported


class Peer:
    durable = False
    slow = True

    def __init__(self, work):
        self.path = os.path.join(work, "t")

    def create(self, table):
        write_deltalake(self.path, signed(table), configuration={"delta.enableChangeDataFeed": "true"})
        self.table = DeltaTable(self.path)

    def prepare(self):
        raise Unsupported("Delta Lake has no index to build")

    def edit(self, batch):
        merger = self.table.merge(signed(batch), predicate="t.id = s.id", source_alias="s", target_alias="t")
        merger.when_matched_update({"boxes": "s.boxes"}).execute()
        self.table = DeltaTable(self.path)

    def diff(self):
        feed = pa.table(self.table.load_cdf(starting_version=self.table.version()).read_all())
        kinds = feed["_change_type"].cast(pa.string())
        assert pc.sum(pc.equal(kinds, "update_preimage")) == pc.sum(pc.equal(kinds, "update_postimage"))
        return pc.sum(pc.equal(kinds, "update_postimage")).as_py()

    def branch(self, name):
        raise Unsupported("Delta Lake has no branches")

    def fork(self, theirs, ours):
        raise Unsupported("Delta Lake has no branches")

    def scan_labels(self):
        return len(self.table.to_pyarrow_table(columns=["boxes"])["boxes"].combine_chunks().flatten())

    def scan_class(self):
        return len(self.table.to_pyarrow_table(columns=["boxes"])["boxes"].combine_chunks().flatten().field("class"))

    def lookup(self, key):
        query = QueryBuilder().register("t", self.table).execute(f"SELECT * FROM t WHERE id = '{key}'")
        return pa.table(query.read_all())["id"][0].as_py()


def signed(table):
    """Delta Lake has no unsigned integers: ids become int64, classes int16."""
    boxes = table.schema.field("boxes").type.value_type
    swap = {pa.uint64(): pa.int64(), pa.uint8(): pa.int16()}
    fields = [pa.field(field.name, swap.get(field.type, field.type)) for field in boxes]
    schema = table.schema.set(table.schema.get_field_index("boxes"), pa.field("boxes", pa.list_(pa.struct(fields))))
    return table.cast(schema)
