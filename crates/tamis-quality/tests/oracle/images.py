"""Scores of cleanvision and cleanlab: reads {"images": [{pixels, width, height, channels}], "vectors": [{rows, k}]}."""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from cleanlab.outlier import OutOfDistribution
from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager
from PIL import Image

warnings.filterwarnings("ignore")


def picture(case):
    shape = (case["height"], case["width"]) + ((3,) if case["channels"] == 3 else ())
    return Image.fromarray(np.array(case["pixels"], dtype=np.uint8).reshape(shape))


def judge(images):
    manager = ImagePropertyIssueManager()
    kinds = ["dark", "light", "odd_aspect_ratio", "low_information", "blurry", "grayscale", "odd_size"]
    raw = pd.DataFrame([{name: value for kind in kinds for name, value in manager.image_properties[kind].calculate(image).items()}
                        for image in images])
    manager.issues = pd.DataFrame(index=raw.index)
    manager.update_issues(raw, kinds)
    table = manager.issues
    return [{"raw": {name: (float(row[name]) if not isinstance(row[name], str) else row[name]) for name in raw.columns},
             "scores": [float(table[f"{kind}_score"][at]) for kind in kinds],
             "flags": [bool(table[f"is_{kind}_issue"][at]) for kind in kinds]} for at, row in raw.iterrows()]


def far(case):
    model = OutOfDistribution({"k": case["k"]})
    return model.fit_score(features=np.array(case["rows"]), verbose=False).tolist()


cases = json.load(sys.stdin)
json.dump({"images": judge([picture(case) for case in cases["images"]]), "vectors": [far(case) for case in cases["vectors"]]}, sys.stdout)
