"""Answers of cleanlab about boxes, masks, texts and crowds: reads {"boxes": [...], "masks": [...], "texts": [...], "crowds": [...]}."""

import json
import sys
import warnings

import numpy as np
from cleanlab.multiannotator import get_label_quality_multiannotator
from cleanlab.object_detection.filter import find_label_issues
from cleanlab.object_detection.rank import (compute_badloc_box_scores, compute_overlooked_box_scores, compute_swap_box_scores,
                                            get_label_quality_scores)
from cleanlab.segmentation.rank import get_label_quality_scores as mask_scores
from cleanlab.token_classification.rank import get_label_quality_scores as text_scores

warnings.filterwarnings("ignore")


def boxes(case):
    """Given rows are image, class, box; found ones image, class, score, box. Images are 0 to n - 1, all with boxes."""
    given, found, k, n = case["given"], case["found"], case["classes"], case["images"]
    labels = [{"bboxes": np.array([r[2:] for r in given if r[0] == i], dtype=float).reshape(-1, 4),
               "labels": np.array([r[1] for r in given if r[0] == i], dtype=int)} for i in range(n)]
    seen = [np.array([np.array([r[3:] + [r[2]] for r in found if r[0] == i and r[1] == c], dtype=float).reshape(-1, 5)
                      for c in range(k)] + [None], dtype=object)[:-1] for i in range(n)]
    flat = lambda scores: [None if np.isnan(v) else float(v) for image in scores for v in image]
    inputs = {"labels": labels, "predictions": seen}
    return {"overlooked": flat(compute_overlooked_box_scores(**inputs)), "located": flat(compute_badloc_box_scores(**inputs)),
            "classed": flat(compute_swap_box_scores(**inputs)), "scores": get_label_quality_scores(labels, seen, verbose=False).tolist(),
            "issues": find_label_issues(labels, seen, return_indices_ranked_by_score=False).tolist()}


def masks(case):
    shape = (1, case["height"], case["width"])
    labels = np.array(case["labels"]).reshape(shape)
    probs = np.array(case["planes"]).reshape(1, case["classes"], *shape[1:])
    score, pixels = mask_scores(labels, probs, verbose=False)
    return {"score": float(score[0]), "pixels": pixels.ravel().tolist()}


def texts(case):
    k, words, starts = case["classes"], np.array(case["probs"]).reshape(-1, case["classes"]), [0] + case["ends"]
    cut = [slice(a, b) for a, b in zip(starts, case["ends"])]
    scores, _ = text_scores([case["labels"][c] for c in cut], [words[c] for c in cut])
    return scores.tolist()


def crowds(case):
    table = np.full((case["tasks"], case["workers"]), np.nan)
    for task, worker, label in case["answers"]:
        table[task, worker] = label
    probs = np.array(case["probs"]).reshape(case["tasks"], -1)
    told = get_label_quality_multiannotator(table, probs, verbose=False, return_weights=True)
    each, people = told["detailed_label_quality"].to_numpy(), told["annotator_stats"].sort_index()
    return {"labels": told["label_quality"]["consensus_label"].tolist(), "scores": told["label_quality"]["consensus_quality_score"].tolist(),
            "agreement": told["label_quality"]["annotator_agreement"].tolist(), "model": float(told["model_weight"]),
            "weights": told["annotator_weight"].tolist(), "workers": people["annotator_quality"].tolist(),
            "answers": [float(each[task, worker]) for task, worker, _ in case["answers"]]}


cases = json.load(sys.stdin)
json.dump({name: [answer(case) for case in cases[name]] for name, answer in
           [("boxes", boxes), ("masks", masks), ("texts", texts), ("crowds", crowds)]}, sys.stdout)
