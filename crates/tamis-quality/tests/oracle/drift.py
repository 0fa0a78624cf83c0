"""Tests of SciPy and scores of scikit-learn: reads {"numbers": [[first, second]], "counts": [[first, second]], "sets": [[first, second]]}."""

import json
import sys

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import kolmogorov
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score


def numbers(first, second):
    ks = ks_2samp(first, second, method="asymp").statistic
    n, m = len(first), len(second)
    return {"ks": float(ks), "p": float(kolmogorov(ks * np.sqrt(n * m / (n + m))))}


def counts(first, second):
    table = np.array([first, second])
    told = chi2_contingency(table[:, table.sum(0) > 0], correction=False)
    return {"chi": float(told.statistic), "p": float(told.pvalue), "degrees": int(told.dof),
            "js": float(jensenshannon(table[0] / table[0].sum(), table[1] / table[1].sum(), base=2))}


def sets(first, second):
    rows, labels = np.vstack([first, second]), np.r_[np.zeros(len(first)), np.ones(len(second))]
    rows = (rows - rows.mean(0)) / rows.std(0)
    part, folds = np.r_[np.arange(len(first)), np.arange(len(second))] % 5, []
    for fold in range(5):
        held = part == fold
        model = LogisticRegression(max_iter=1000, tol=1e-8).fit(rows[~held], labels[~held])
        folds.append(roc_auc_score(labels[held], model.decision_function(rows[held])))
    return float(np.mean(folds))


cases = json.load(sys.stdin)
json.dump({name: [answer(*case) for case in cases[name]] for name, answer in [("numbers", numbers), ("counts", counts), ("sets", sets)]}, sys.stdout)
