"""The vectors that onnxruntime gives for a model and images named on the command line, as JSON."""
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

model, output, *paths = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
out = []
for path in paths:
    small = Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    pixels = (np.asarray(small, dtype=np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    vector = session.run([output], {name: pixels.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
    out.append([float(v) for v in vector / np.linalg.norm(vector)])
json.dump(out, sys.stdout)
