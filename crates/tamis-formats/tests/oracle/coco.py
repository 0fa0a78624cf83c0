"""Reads two annotation files with pycocotools and fails unless every annotation has the same box, area and mask."""

import sys

from pycocotools.coco import COCO

was, became = COCO(sys.argv[1]), COCO(sys.argv[2])
assert set(was.anns) == set(became.anns), "annotation ids differ"
assert set(was.imgs) == set(became.imgs), "image ids differ"
for number, one in was.anns.items():
    other = became.anns[number]
    assert one["bbox"] == other["bbox"] and one["area"] == other["area"], number
    assert one["category_id"] == other["category_id"] and one["iscrowd"] == other["iscrowd"], number
    assert (was.annToMask(one) == became.annToMask(other)).all(), number
print(len(was.anns), "annotations agree")
