"""The data of the benches, the same for every peer and every run (fixed seeds). The table needs numpy and pyarrow."""

import os
import random
import struct
import zlib

CLASSES = 80
ATTRIBUTES = [f'{{"{name}":"{value}"}}' for name in ("occluded", "truncated", "weather", "light", "pose")
              for value in ("a", "b", "c", "d", "e", "f", "g")]


def make_files(folder, count):
    """`count` PNG images of noise, 3.5 to 4.6 KB, 100 to a folder; returns (paths, bytes)."""
    rng = random.Random(1)
    paths, total = [], 0
    for i in range(count):
        path = os.path.join(folder, f"seg{i // 100:05}", f"{i % 100:06}.png")
        if i % 100 == 0:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        content = noise_png(rng)
        with open(path, "wb") as file:
            file.write(content)
        paths.append(path)
        total += len(content)
    return paths, total


def edit_files(paths, count, seed):
    """Writes a new image into `count` random files."""
    rng = random.Random(seed)
    for path in rng.sample(paths, count):
        with open(path, "wb") as file:
            file.write(noise_png(rng))


def noise_png(rng):
    """A valid image of random pixels, which no compressor shrinks."""
    edge = rng.randrange(34, 40)
    rows = b"".join(b"\0" + rng.randbytes(3 * edge) for _ in range(edge))
    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)


def label_rows(rows, seed=1):
    """A table of samples with 0 to 10 boxes each, sorted by `id`.

    Boxes lie on a tenth of a pixel, classes follow Zipf's law, confidences are full-entropy float32, a fifth of the
    boxes has attributes. Columns: id, ts, split, speed (hundredths), score (full float32), boxes.
    """
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    index = np.arange(rows)
    ids = pa.array([f"seg{i // 1000:07}/{i % 1000:06}.jpg" for i in index], pa.string())
    counts = rng.integers(0, 11, rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    boxes = int(offsets[-1])
    classes = np.minimum(rng.zipf(1.3, boxes) - 1, CLASSES - 1).astype(np.uint8)
    tenth = lambda low, high: rng.integers(low * 10, high * 10, boxes) / 10
    xmin, ymin = tenth(0, 1800), tenth(0, 1000)
    xmax, ymax = xmin + tenth(1, 120), ymin + tenth(1, 80)
    which = rng.integers(0, len(ATTRIBUTES) * 5, boxes)
    attributes = pa.DictionaryArray.from_arrays(
        pa.array(np.where(which < len(ATTRIBUTES), which, 0), pa.int32(), mask=which >= len(ATTRIBUTES)),
        pa.array(ATTRIBUTES)).cast(pa.string())
    boxed = pa.StructArray.from_arrays(
        [pa.array(np.arange(boxes, dtype=np.uint64)), pa.array(classes), *(pa.array(v.astype(np.float32)) for v in (xmin, ymin, xmax, ymax)),
         pa.array(rng.random(boxes, dtype=np.float32)), attributes],
        ["id", "class", "xmin", "ymin", "xmax", "ymax", "confidence", "attributes"])
    splits = np.where(index % 10 == 8, "val", np.where(index % 10 == 9, "test", "train"))
    return pa.table({
        "id": ids,
        "ts": pa.array(1_700_000_000_000_000 + index * 33_333 + rng.integers(0, 100, rows)),
        "split": pa.array(splits.tolist(), pa.string()),
        "speed": pa.array(rng.integers(0, 4000, rows) / 100),
        "score": pa.array(rng.random(rows, dtype=np.float32)),
        "boxes": pa.ListArray.from_arrays(pa.array(offsets), boxed),
    })


def edited_rows(table, rows, seed):
    """The given rows of the table (indices), whole, with new classes and confidences for all their boxes."""
    import numpy as np
    import pyarrow as pa

    part = table.take(pa.array(rows)).combine_chunks()
    rng = np.random.default_rng(seed)
    boxes = part["boxes"].combine_chunks() if part["boxes"].num_chunks != 1 else part["boxes"].chunk(0)
    flat = boxes.flatten()
    fields = {field.name: flat.field(i) for i, field in enumerate(flat.type)}
    fields["class"] = pa.array(rng.integers(0, CLASSES, len(flat), dtype=np.uint8))
    fields["confidence"] = pa.array(rng.random(len(flat), dtype=np.float32))
    lengths = boxes.value_lengths().to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    boxed = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    return part.set_column(part.schema.get_field_index("boxes"), "boxes", pa.ListArray.from_arrays(offsets, boxed))


def editable(table):
    """Numbers of the rows that have a box, so that an edit of their labels changes something."""
    import numpy as np
    import pyarrow.compute as pc

    return np.flatnonzero(pc.greater(pc.list_value_length(table["boxes"]), 0).to_numpy())
