"""Answers of pycocotools: reads cases {kind, gt, dt} (documents, or paths), writes their figures."""

import contextlib
import copy
import io
import json
import sys

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def document(value):
    return json.load(open(value)) if isinstance(value, str) else value


def answer(case):
    gt, dt = COCO(), copy.deepcopy(document(case["dt"]))
    gt.dataset = document(case["gt"])
    gt.createIndex()
    images = {image["id"]: image for image in gt.dataset["images"]}
    for found in dt:
        shape = found.get("segmentation")
        if case["kind"] == "segm" and shape and not (isinstance(shape, dict) and isinstance(shape["counts"], str)):
            image = images[found["image_id"]]
            rle = mask.frPyObjects(shape, image["height"], image["width"])
            found["segmentation"] = mask.merge(rle) if isinstance(rle, list) else rle
    evaluation = COCOeval(gt, gt.loadRes(dt), case["kind"])
    if "sigmas" in case:
        evaluation.params.kpt_oks_sigmas = np.array(case["sigmas"])
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    told = {"summary": evaluation.stats.tolist(), "classes": [int(k) for k in evaluation.params.catIds]}
    told["ap"] = precision.mean(axis=(0, 1)).tolist()
    told["ar"] = recall.mean(axis=0).tolist()
    if case.get("full"):
        told["precision"] = precision.ravel().tolist()
        told["scores"] = evaluation.eval["scores"].ravel().tolist()
    return told


with contextlib.redirect_stdout(io.StringIO()):
    answers = [answer(case) for case in json.load(sys.stdin)]
json.dump(answers, sys.stdout)
