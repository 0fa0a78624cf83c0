"""Hashes and numbers of the images named on the command line, as JSON."""
import json
import sys

import imagehash
import numpy as np
from PIL import Image

out = []
for path in sys.argv[1:]:
    image = Image.open(path)
    rgb = np.asarray(image.convert("RGB")).astype(float)
    grey = np.asarray(image.convert("RGB").convert("L")).astype(float)
    padded = np.pad(grey, 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    weights = np.array([0.241, 0.691, 0.068])
    pixels = np.sqrt((rgb * rgb) @ weights) / 255
    mean = rgb.mean(axis=(0, 1))
    said = {
        "phash": str(imagehash.phash(image)),
        "dhash": str(imagehash.dhash(image)),
        "brightness": float(np.sqrt((mean * mean) @ weights) / 255),
        "contrast": float(grey.std() / 255),
        "entropy": image.convert("RGB").convert("L").entropy(),
        "blur": float(laplacian.var()),
    }
    for percent in [1, 5, 10, 90, 95, 99]:
        said[f"p{percent}"] = float(np.percentile(pixels, percent))
    out.append(said)
json.dump(out, sys.stdout)
