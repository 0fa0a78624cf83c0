"""Figures of scikit-learn and trackeval: reads {"classes": [{truth, probs, classes}], "tracks": [[{truth, found}]]}.

A case of tracks is a list of sequences; truth and found are rows of frame, track, xmin, ymin, xmax, ymax.
"""

import contextlib
import io
import json
import sys
import warnings

import numpy as np
import sklearn.metrics as sk
from trackeval.datasets._base_dataset import _BaseDataset
from trackeval.metrics import CLEAR, HOTA, Identity

warnings.filterwarnings("ignore")


def classes(case):
    truth, k = np.array(case["truth"]), case["classes"]
    probs = np.array(case["probs"]).reshape(-1, k)
    seen = probs.argmax(1)
    told = {"accuracy": sk.accuracy_score(truth, seen), "balanced": sk.balanced_accuracy_score(truth, seen),
            "log_loss": sk.log_loss(truth, probs, labels=range(k)), "confusion": sk.confusion_matrix(truth, seen, labels=range(k)).ravel().tolist()}
    there = sorted(set(truth) | set(seen))
    for mean in ["macro", "weighted", "micro"]:
        told[mean] = [float(f) for f in sk.precision_recall_fscore_support(truth, seen, labels=there, average=mean, zero_division=0)[:3]]
        told[mean].append(float(sk.jaccard_score(truth, seen, labels=there, average=mean, zero_division=0)))
    told["auc"] = [float(sk.roc_auc_score(truth == c, probs[:, c])) if 0 < (truth == c).sum() < len(truth) else None for c in range(k)]
    top, edges = probs.max(1), np.linspace(0, 1, 16)
    told["ece"] = float(sum(abs(top[m].mean() - (seen[m] == truth[m]).mean()) * m.mean() for low, high in zip(edges, edges[1:])
                            if (m := (top > low) & (top <= high)).any()))
    return told


def number(rows):
    return {track: at for at, track in enumerate(sorted({int(r[1]) for r in rows}))}


def sequence(case):
    truth, found = case["truth"], case["found"]
    ids, seen = number(truth), number(found)
    data = {"num_gt_dets": len(truth), "num_tracker_dets": len(found), "num_gt_ids": len(ids), "num_tracker_ids": len(seen),
            "gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame in sorted({r[0] for r in truth} | {r[0] for r in found}):
        a, b = ([r for r in rows if r[0] == frame] for rows in (truth, found))
        data["gt_ids"].append(np.array([ids[int(r[1])] for r in a], dtype=int))
        data["tracker_ids"].append(np.array([seen[int(r[1])] for r in b], dtype=int))
        boxes = [np.array([r[2:] for r in rows], dtype=float).reshape(-1, 4) for rows in (a, b)]
        data["similarity_scores"].append(_BaseDataset._calculate_box_ious(*boxes, box_format="x0y0x1y1"))
    data["num_timesteps"] = len(data["gt_ids"])
    return data


def tracks(case):
    told = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for metric in [HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})]:
            each = {str(at): metric.eval_sequence(sequence(one)) for at, one in enumerate(case)}
            told.update(metric.combine_sequences(each))
    names = ["HOTA", "DetA", "AssA", "AssRe", "AssPr", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "Frag", "MT", "PT", "ML",
             "CLR_TP", "CLR_FP", "CLR_FN"]
    return {name: float(np.mean(told[name])) for name in names}


cases = json.load(sys.stdin)
json.dump({"classes": [classes(case) for case in cases["classes"]], "tracks": [tracks(case) for case in cases["tracks"]]}, sys.stdout)
