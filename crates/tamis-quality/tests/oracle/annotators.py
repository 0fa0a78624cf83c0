"""Answers of crowd-kit, krippendorff and scikit-learn: reads cases {answers: [[task, worker, label]], tasks, workers, classes}."""

import json
import sys
import warnings

import krippendorff
import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene
from sklearn.metrics import cohen_kappa_score

warnings.filterwarnings("ignore")


def answer(case):
    data = pd.DataFrame(case["answers"], columns=["task", "worker", "label"])
    fitted = DawidSkene(n_iter=100).fit(data)
    k = case["classes"]
    posterior = fitted.probas_.reindex(index=range(case["tasks"]), columns=range(k)).fillna(-1.0).to_numpy()
    counts = np.zeros((case["tasks"], k), dtype=int)
    np.add.at(counts, (data.task, data.label), 1)
    told = {"posterior": posterior.ravel().tolist(), "rounds": len(fitted.loss_history_), "alpha": {}}
    for metric in ["nominal", "ordinal", "interval", "ratio"]:
        told["alpha"][metric] = krippendorff.alpha(value_counts=counts, value_domain=np.arange(k) + 1.0, level_of_measurement=metric)
    half = len(data) // 2
    told["cohen"] = cohen_kappa_score(data.label[:half], data.label[half:2 * half])
    return told


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
