"""W6: one peer's turn with formats. `python driver.py PEER IMAGES WORK QUICK`.

COCO with about 7.3 annotations an image (118,000 and 860,000 of them in a full run), VOC with 50 of 118 of the images and
7 boxes each. A peer reads all labels into what it keeps, then writes them again without media.
"""

import importlib
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)

import layouts
from measure import Recorder, emit, note, peak_mb


def main():
    _, name, images, work, quick = sys.argv
    images = int(images)
    os.makedirs(work)
    # Tamis ends when its bytes are on disk; the peers' end counts as it is.
    record = Recorder(work, True)
    sizes = {"coco": (images, images * 860 // 118), "voc": (images * 50 // 118, images * 50 // 118 * 7)}
    emit(step="memory before", mb=peak_mb())
    for layout, (count, labels) in sizes.items():
        source, out = os.path.join(work, layout), os.path.join(work, layout + "-out")
        getattr(layouts, layout)(source, count, labels)
        peer = importlib.import_module(f"w6_{name}").Peer(work, layout, source)
        found = record.step(f"import {layout}", lambda _: peer.load())
        if found is not None and found != labels:
            emit(step=f"import {layout}", wrong=f"found {found} labels where {labels} is right")
            note(f"{layout}: found {found} labels, expected {labels}")
        record.step(f"export {layout}", lambda _: peer.save(out))
        peer.close()
        shutil.rmtree(source)
        shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    main()
