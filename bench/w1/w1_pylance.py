"""Lance: a table of key and content."""

import lance
import pyarrow as pa

from peer import Peer as Store


class Peer(Store):
    def first(self):
        schema = pa.schema([("path", pa.string()), ("content", pa.large_binary())])
        batches = pa.RecordBatchReader.from_batches(schema, self.batches(schema))
        self.data = lance.write_dataset(batches, self.store, schema=schema)

    def batches(self, schema):
        rows = []
        for row in self.files():
            rows.append(row)
            if len(rows) == 8192:
                yield pa.record_batch(list(zip(*rows)), schema=schema)
                rows = []
        if rows:
            yield pa.record_batch(list(zip(*rows)), schema=schema)

    def ready(self):
        self.row_of = {key: row for row, key in enumerate(self.data.to_table(columns=["path"])["path"].to_pylist())}

    def read_many(self, keys):
        rows = self.data.take([self.row_of[key] for key in keys], columns=["content"])
        return sum(len(value.as_buffer()) for value in rows["content"])

    def read(self, key):
        return self.data.take([self.row_of[key]], columns=["content"])["content"][0].as_py()

    def read_all(self):
        return sum(batch["content"].nbytes for batch in self.data.to_batches(columns=["content"]))
