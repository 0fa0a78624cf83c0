"""Answers of cleanlab: reads cases {labels, probs, single}, writes thresholds, joints, issues of all filters, scores.

NumPy's default sort leaves the order of equal numbers to the processor; a stable one is put in its place.
"""

import functools
import json
import sys
import warnings

import numpy as np

np.argsort = functools.partial(np.argsort, kind="stable")
warnings.filterwarnings("ignore")

from cleanlab import count, filter, rank

FILTERS = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
           "low_normalized_margin", "low_self_confidence"]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]


def answer(case):
    if isinstance(case["labels"], str):
        labels, probs = np.load(case["labels"]), np.load(case["probs"])
    else:
        labels = np.array(case["labels"])
        probs = np.array(case["probs"], dtype=np.float32 if case["single"] else np.float64)
    told = {
        "thresholds": count.get_confident_thresholds(labels, probs).tolist(),
        "counts": count.compute_confident_joint(labels, probs, calibrate=False).ravel().tolist(),
        "calibrated": count.compute_confident_joint(labels, probs).ravel().tolist(),
    }
    options = {"n_jobs": 1, "min_examples_per_class": case.get("min_examples", 1), "frac_noise": case.get("fraction", 1.0)}
    told["issues"] = [np.where(filter.find_label_issues(labels, probs, filter_by=f, **options))[0].tolist() for f in FILTERS]
    told["ranked"] = filter.find_label_issues(labels, probs, return_indices_ranked_by="self_confidence", **options).tolist()
    if case.get("scores", True):
        told["scores"] = [rank.get_label_quality_scores(labels, probs, method=s).tolist() for s in SCORES]
    return told


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
