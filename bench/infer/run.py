#!/usr/bin/env python3
"""Measures tamis-infer and its peers on one image and one model in one run, on one thread and on two.

    python3 -m venv ~/.cache/tamis-infer-venv && ~/.cache/tamis-infer-venv/bin/pip install -r scripts/requirements-infer.txt
    ~/.cache/tamis-infer-venv/bin/python bench/infer/run.py [--model FILE --output NAME]

The image is drawn here: 640 × 480 pixels of shapes and noise, a JPEG of quality 90.
"""
import argparse
import concurrent.futures
import glob
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import imagehash
import numpy as np
import onnxruntime
import pdqhash
from PIL import Image, ImageDraw, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parents[2]


def drawn():
    """A picture with the detail of a photograph: about 100 kB."""
    random = np.random.default_rng(7)
    image = Image.new("RGB", (640, 480), (120, 140, 160))
    draw = ImageDraw.Draw(image)
    for _ in range(400):
        x, y, w, h = (int(v) for v in random.integers([0, 0, 5, 5], [640, 480, 120, 120]))
        draw.ellipse([x, y, x + w, y + h], fill=tuple(int(v) for v in random.integers(0, 256, 3)))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1))).astype(float) + random.normal(0, 4, (480, 640, 3))
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def best(call):
    """Seconds a call: the best of five rounds of a fifth of a second."""
    call()
    found = []
    for _ in range(5):
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < 0.2:
            call()
            calls += 1
        found.append((time.perf_counter() - start) / calls)
    return min(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--output", default="")
    given = parser.parse_args()
    jpeg = drawn()
    print(f"image: {len(jpeg)} bytes")
    folder = tempfile.TemporaryDirectory()
    path = pathlib.Path(folder.name, "image.jpg")
    path.write_bytes(jpeg)
    libraries = glob.glob(str(pathlib.Path(onnxruntime.__file__).parent / "capi/libonnxruntime.so*"))
    env = os.environ | ({"TAMIS_ONNXRUNTIME": libraries[0]} if libraries else {})
    command = ["cargo", "run", "--quiet", "--release", "-p", "tamis-infer", "--example", "measure", "--", path]
    names = ["phash", "dhash", "brightness", "contrast", "entropy", "blur", "exposure", "quality", "colours", "dimensions"]
    subprocess.run([*command, *names, "thumbnail", "embed_basic"], cwd=ROOT, check=True)
    opened = lambda: Image.open(io.BytesIO(jpeg))
    for name, call in {
        "ImageHash phash": lambda: imagehash.phash(opened()),
        "ImageHash dhash": lambda: imagehash.dhash(opened()),
        "pdqhash": lambda: pdqhash.compute(np.asarray(opened())),
    }.items():
        seconds = best(call)
        print(f"{name}: {seconds * 1e3:.3f} ms, {1 / seconds:.0f} a second")
    if given.model is None:
        return
    for threads in [1, 2]:
        for backend in ["rten", "ort"]:
            function = f"embed:model={given.model}:output={given.output}:fit=stretch:backend={backend}"
            subprocess.run([*command, "--threads", str(threads), function], cwd=ROOT, check=True, env=env)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(given.model, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)

        def prepared():
            pixels = np.asarray(opened().convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.float32)
            return ((pixels / 255 - mean) / std).transpose(2, 0, 1)

        def whole():
            session.run([given.output], {name: np.stack([prepared() for _ in range(4)])})

        ready = np.stack([prepared()] * 4)
        seconds, alone = best(whole) / 4, best(lambda: session.run([given.output], {name: ready})) / 4
        print(f"onnxruntime in Python, {threads} threads: {seconds * 1e3:.2f} ms an image, {alone * 1e3:.2f} ms of it the model")
        # The same as ours do it: a thread decodes an image and runs the model on it, while others do so with theirs.
        options.intra_op_num_threads = 1
        single = onnxruntime.InferenceSession(given.model, options, providers=["CPUExecutionProvider"])
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            one = lambda _: single.run([given.output], {name: prepared()[None]})
            seconds = best(lambda: list(pool.map(one, range(16)))) / 16
        print(f"onnxruntime in Python, {threads} threads, one image each: {seconds * 1e3:.2f} ms an image")


if __name__ == "__main__":
    sys.exit(main())
