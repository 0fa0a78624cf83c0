"""What pycocotools says of some masks: JSON in on stdin, JSON out on stdout.

in:  {"width": w, "height": h, "objects": [[ring as [x, y, …], …], …], "crowd": [0 or 1, …]}
out: per object its text, area, box (x, y, width, height), its rings' texts and its mask in rows;
     IoU of every object with every object (crowd as second), union and intersection of all
Golden numbers: python masks.py < cases.json > golden.json
"""

import json
import sys

import numpy as np
from pycocotools import mask as api


def text(rle):
    return rle["counts"].decode()


def answer(case):
    w, h = case["width"], case["height"]
    rings = [api.frPyObjects(o, h, w) for o in case["objects"]]
    masks = [api.merge(r) for r in rings]
    bits = [api.decode(m) for m in masks]
    return {
        "objects": [
            {
                "text": text(m),
                "area": int(api.area(m)),
                "box": [float(v) for v in api.toBbox(m)],
                "rings": [text(r) for r in rs],
                "mask": "".join(map(str, b.flatten().tolist())),
                "again": text(api.encode(np.asfortranarray(b))),
            }
            for m, rs, b in zip(masks, rings, bits)
        ],
        "iou": np.asarray(api.iou(masks, masks, case["crowd"])).tolist(),
        "union": text(api.merge(masks)),
        "intersection": text(api.merge(masks, intersect=True)),
    }


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout, indent=1)
