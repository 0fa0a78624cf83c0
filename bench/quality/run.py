"""Runs tamis-quality beside pycocotools, faster-coco-eval, cleanlab, crowd-kit and trackeval on the same drawn data; prints tables.

    ~/.cache/tamis-quality-venv/bin/python bench/quality/run.py PATH/TO/release/examples/measure [--quick]

The environment is that of scripts/requirements-quality.txt, the program `cargo build --release -p tamis-quality --example measure`.
Every answer is compared: the figures of COCO to 1e-9, the flagged samples as sets. Ours: best of three; peers: one run.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

FILTERS = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
           "low_normalized_margin", "low_self_confidence"]


def draw_coco(images, count, found_count):
    """Objects with uneven classes; detections that mostly lie near them, and false alarms."""
    rng = np.random.default_rng(7)
    weights = 1.0 / np.arange(1, 81)
    image, kind = rng.integers(1, images + 1, count), rng.choice(80, count, p=weights / weights.sum()) + 1
    size = np.exp(rng.normal(4, 1, (count, 2))).clip(4, 400).round(2)
    corner = (rng.random((count, 2)) * 240).round(2)
    truths = np.column_stack([image, kind, corner, size, size.prod(1) * 0.6, rng.random(count) < 0.01])
    near = rng.integers(0, count, found_count)
    found = truths[near][:, :6] + np.column_stack([np.zeros((found_count, 2)), rng.normal(0, 8, (found_count, 4))])
    found[:, 4:6] = found[:, 4:6].clip(2)
    lost = rng.random(found_count) < 0.4
    found[lost, 0] = rng.integers(1, images + 1, lost.sum())
    found = np.column_stack([found.round(3), rng.random(found_count).round(4)])
    return truths.astype(float), found.astype(float)


def coco_peers(truths, found, images):
    gt = {"images": [{"id": i, "width": 640, "height": 640} for i in range(1, images + 1)],
          "categories": [{"id": k, "name": str(k)} for k in range(1, 81)],
          "annotations": [{"id": n + 1, "image_id": int(r[0]), "category_id": int(r[1]), "bbox": r[2:6].tolist(), "area": r[6],
                           "iscrowd": int(r[7])} for n, r in enumerate(truths)]}
    dt = [{"image_id": int(r[0]), "category_id": int(r[1]), "bbox": r[2:6].tolist(), "score": r[6]} for r in found]
    from faster_coco_eval import COCO as FastCOCO, COCOeval_faster
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def run(make, evaluate):
        base = make()
        base.dataset = gt
        base.createIndex()
        loaded = base.loadRes([dict(d) for d in dt])
        start = time.monotonic()
        evaluation = evaluate(base, loaded, "bbox")
        evaluation.evaluate(); evaluation.accumulate(); evaluation.summarize()
        return time.monotonic() - start, np.array(evaluation.stats[:12], dtype=float)

    with contextlib.redirect_stdout(io.StringIO()):
        fast = run(lambda: FastCOCO(), lambda g, d, k: COCOeval_faster(g, d, k))
        slow = run(COCO, COCOeval)
    return {"pycocotools": slow, "faster-coco-eval": fast}


def ours(program, what, folder):
    told = subprocess.run([program, what, folder], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [json.loads(line[1:]) for line in told.split("\n") if line.startswith("@")]
    told = {line["step"]: (line["seconds"], line["answer"]) for line in lines}
    return told, told["memory"][1] / 1024


def coco(program, quick):
    images, count, found_count = (500, 3600, 18000) if quick else (5000, 36531, 179593)
    truths, found = draw_coco(images, count, found_count)
    with tempfile.TemporaryDirectory() as folder:
        truths.astype("<f8").tofile(os.path.join(folder, "truths.bin"))
        found.astype("<f8").tofile(os.path.join(folder, "found.bin"))
        told, memory = ours(program, "coco", folder)
    seconds, answer = told["coco"]
    print(f"\n| COCO boxes, {images} images, {count} truths, {found_count} detections | seconds | : tamis | same figures |\n|---|---|---|---|")
    print(f"| tamis ({memory:.0f} MB) | {seconds:.3f} | 1 | |")
    for name, (time_, figures) in coco_peers(truths, found, images).items():
        print(f"| {name} | {time_:.2f} | {time_ / seconds:.0f}x | {np.abs(figures - answer).max():.1e} apart |", flush=True)


def confident(program, n, k):
    warnings.filterwarnings("ignore")
    from cleanlab.experimental.label_issues_batched import find_label_issues_batched
    from cleanlab.filter import find_label_issues
    rng = np.random.default_rng(3)
    real = rng.integers(0, k, n)
    labels = np.where(rng.random(n) < 0.1, rng.integers(0, k, n), real)
    logits = rng.standard_normal((n, k), dtype=np.float32)
    logits[np.arange(n), real] += rng.normal(5, 2, n).astype(np.float32)
    probs = np.exp(logits)
    probs /= probs.sum(1, keepdims=True)
    probs = probs.clip(0, 1)
    del logits
    with tempfile.TemporaryDirectory() as folder:
        labels.astype("<f8").tofile(os.path.join(folder, "labels.bin"))
        probs.astype("<f4").tofile(os.path.join(folder, "probs.bin"))
        told, memory = ours(program, "confident", folder)
    print(f"\n| wrong labels, {n} x {k}, single precision ({memory:.0f} MB) | tamis s | cleanlab s | ratio | flagged | differ |\n|---|---|---|---|---|---|")
    for name in FILTERS:
        seconds, answer = told[name]
        start = time.monotonic()
        flags = np.where(find_label_issues(labels, probs, filter_by=name))[0]
        peer = time.monotonic() - start
        print(f"| {name} | {seconds:.3f} | {peer:.2f} | {peer / seconds:.0f}x | {len(flags)} | {len(set(flags.tolist()) ^ set(answer))} |", flush=True)
    start = time.monotonic()
    find_label_issues_batched(labels=labels, pred_probs=probs, verbose=False)
    peer, seconds = time.monotonic() - start, told["low_self_confidence"][0]
    print(f"| batched form (low_self_confidence) | {seconds:.3f} | {peer:.2f} | {peer / seconds:.0f}x | | |", flush=True)


def consensus(program, count, k):
    import pandas as pd
    from crowdkit.aggregation import DawidSkene
    rng = np.random.default_rng(5)
    tasks, workers = count // 8, max(count // 100, 20)
    task = np.repeat(np.arange(tasks), 8)
    worker = (rng.integers(0, workers, tasks)[:, None] + np.arange(8)).ravel() % workers
    right, skill = rng.integers(0, k, tasks), rng.uniform(0.3, 0.95, workers)
    label = np.where(rng.random(len(task)) < skill[worker], right[task], rng.integers(0, k, len(task)))
    with tempfile.TemporaryDirectory() as folder:
        np.column_stack([task, worker, label]).astype("<f8").tofile(os.path.join(folder, "answers.bin"))
        told, memory = ours(program, "consensus", folder)
    seconds, answer = told["consensus"]
    start = time.monotonic()
    posterior = DawidSkene(n_iter=100).fit_predict_proba(pd.DataFrame({"task": task, "worker": worker, "label": label}))
    peer = time.monotonic() - start
    posterior = posterior.reindex(index=range(tasks), columns=range(k)).to_numpy().ravel()
    print(f"\n| Dawid-Skene, {len(task)} answers, {k} classes ({memory:.0f} MB) | seconds | : tamis | apart |\n|---|---|---|---|")
    print(f"| tamis | {seconds:.3f} | 1 | |\n| crowd-kit | {peer:.2f} | {peer / seconds:.0f}x | {np.abs(posterior - answer).max():.1e} |", flush=True)


def hashes(program, n):
    """Hashes that are drawn, a third of them near to another; checked against comparing all where that takes no hour."""
    rng = np.random.default_rng(9)
    drawn = rng.integers(0, 2**64, n, dtype=np.uint64)
    near = rng.random(n) < 0.3
    drawn[near] = drawn[rng.integers(0, n, near.sum())]
    for _ in range(6):
        flip = near & (rng.random(n) < 0.6)
        drawn[flip] ^= np.uint64(1) << rng.integers(0, 64, flip.sum(), dtype=np.uint64)
    with tempfile.TemporaryDirectory() as folder:
        drawn.astype("<u8").tofile(os.path.join(folder, "hashes.bin"))
        told, memory = ours(program, "hashes", folder)
    print(f"\n| near-duplicates by hash, {n} hashes ({memory:.0f} MB) | seconds | pairs | in groups | all pairs by NumPy, s | differ |\n|---|---|---|---|---|---|")
    peer = {}
    if n <= 60_000:
        unique = np.unique(drawn)
        start = time.monotonic()
        counts = np.zeros(65, dtype=np.int64)
        for at in range(len(unique)):
            counts += np.bincount(np.bitwise_count(unique[at] ^ unique[at + 1:]), minlength=65)
        peer = {radius: (time.monotonic() - start, int(counts[:radius + 1].sum()) + n - len(unique)) for radius in (0, 4, 8, 12)}
    for radius in (0, 4, 8, 12):
        seconds, (pairs, grouped) = told[str(radius)]
        other = f"{peer[radius][0]:.1f} | {abs(peer[radius][1] - pairs)}" if peer else "– | –"
        print(f"| within {radius} bits | {seconds:.3f} | {pairs} | {grouped} | {other} |", flush=True)


def vectors(program, n, dims):
    from cleanlab.outlier import OutOfDistribution
    rng = np.random.default_rng(11)
    rows = rng.standard_normal((n, dims), dtype=np.float32) + 0.5 * rng.standard_normal(dims, dtype=np.float32)
    near = rng.random(n) < 0.1
    rows[near] = rows[rng.integers(0, n, near.sum())] + 0.2 * rng.standard_normal((near.sum(), dims), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        rows.astype("<f4").tofile(os.path.join(folder, "vectors.bin"))
        np.array([dims], dtype="<f8").tofile(os.path.join(folder, "dims.bin"))
        told, memory = ours(program, "vectors", folder)
    print(f"\n| embeddings, {n} x {dims} ({memory:.0f} MB) | tamis s | peer s | ratio | apart |\n|---|---|---|---|---|")
    start = time.monotonic()
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = sum(int(np.count_nonzero(np.triu(units[at:at + 1000] @ units[at:].T >= 0.95, 1))) for at in range(0, n, 1000))
    peer, (seconds, (own,)) = time.monotonic() - start, told["pairs"]
    print(f"| pairs from cosine 0.95 on, beside NumPy's products | {seconds:.2f} | {peer:.2f} | {peer / seconds:.1f}x | {abs(pairs - own)} of {pairs} pairs |", flush=True)
    start = time.monotonic()
    scores = OutOfDistribution({"k": 10}).fit_score(features=rows, verbose=False)
    peer, (seconds, own) = time.monotonic() - start, told["outliers"]
    print(f"| outliers, 10 neighbours, beside cleanlab | {seconds:.2f} | {peer:.2f} | {peer / seconds:.1f}x | {np.abs(scores - own).max():.1e} |", flush=True)


def suspects(program, images, count, found_count, k=10):
    from cleanlab.object_detection.rank import get_label_quality_scores
    truths, found = draw_coco(images, count, found_count)
    corners = lambda rows: np.column_stack([rows[:, 0] - 1, rows[:, 1] % k, rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    given, seen = corners(truths), np.column_stack([corners(found), found[:, 6]])
    seen = np.unique(seen, axis=0)
    with tempfile.TemporaryDirectory() as folder:
        given.astype("<f8").tofile(os.path.join(folder, "truths.bin"))
        seen.astype("<f8").tofile(os.path.join(folder, "found.bin"))
        told, memory = ours(program, "suspects", folder)
    there = sorted(set(given[:, 0]) | set(seen[:, 0]))
    labels = [{"bboxes": given[given[:, 0] == i][:, 2:], "labels": given[given[:, 0] == i][:, 1].astype(int)} for i in there]
    guesses = []
    for i in there:
        guess = np.empty(k, dtype=object)
        here = seen[seen[:, 0] == i]
        for c in range(k):
            guess[c] = here[here[:, 1] == c][:, 2:]
        guesses.append(guess)
    start = time.monotonic()
    scores = get_label_quality_scores(labels, guesses, verbose=False)
    peer, (seconds, own) = time.monotonic() - start, told["suspects"]
    print(f"\n| wrong boxes, {images} images, {count} given, {len(seen)} found ({memory:.0f} MB) | tamis s | cleanlab s | ratio | apart |\n|---|---|---|---|---|")
    print(f"| scores of boxes and images (ours: flags too) | {seconds:.3f} | {peer:.2f} | {peer / seconds:.0f}x | {np.abs(scores - own).max():.1e} |", flush=True)


def crowd(program, tasks, workers, k=10):
    from cleanlab.multiannotator import get_label_quality_multiannotator
    rng = np.random.default_rng(13)
    right, skill = rng.integers(0, k, tasks), rng.uniform(0.4, 0.95, workers)
    task = np.repeat(np.arange(tasks), 4)
    worker = (rng.integers(0, workers, tasks)[:, None] + np.arange(4)).ravel() % workers
    label = np.where(rng.random(len(task)) < skill[worker], right[task], rng.integers(0, k, len(task)))
    probs = rng.random((tasks, k)) + 1.5 * rng.random((tasks, 1)) * (np.arange(k) == right[:, None])
    probs /= probs.sum(1, keepdims=True)
    with tempfile.TemporaryDirectory() as folder:
        np.column_stack([task, worker, label]).astype("<f8").tofile(os.path.join(folder, "answers.bin"))
        probs.astype("<f8").tofile(os.path.join(folder, "probs.bin"))
        told, memory = ours(program, "crowd", folder)
    table = np.full((tasks, workers), np.nan)
    table[task, worker] = label
    start = time.monotonic()
    scores = get_label_quality_multiannotator(table, probs, verbose=False)["label_quality"]["consensus_quality_score"].to_numpy()
    peer, (seconds, own) = time.monotonic() - start, told["crowd"]
    print(f"\n| consensus with a model, {tasks} tasks, {len(task)} answers of {workers} people ({memory:.0f} MB) | tamis s | cleanlab s | ratio | apart |\n|---|---|---|---|---|")
    print(f"| CROWDLAB | {seconds:.4f} | {peer:.2f} | {peer / seconds:.0f}x | {np.abs(scores - own).max():.1e} |", flush=True)


def tracks(program, sequences, frames, objects):
    from trackeval.datasets._base_dataset import _BaseDataset
    from trackeval.metrics import CLEAR, HOTA, Identity
    rng = np.random.default_rng(17)
    rows = []
    for at in range(sequences):
        places = rng.uniform(0, 900, (objects, 2)) + np.cumsum(rng.normal(0, 4, (frames, objects, 2)), 0)
        sizes, names = rng.uniform(30, 90, (objects, 2)), np.arange(objects)
        for frame in range(frames):
            boxes = np.hstack([places[frame], places[frame] + sizes])
            swap = rng.random(objects) < 0.01
            names[swap] += objects
            for side, keep, ids, shift in [(0, rng.random(objects) < 0.95, np.arange(objects), 0.0), (1, rng.random(objects) < 0.85, names, 6.0)]:
                seen = boxes + rng.normal(0, shift, boxes.shape) if shift else boxes
                rows.append(np.column_stack([np.full(objects, side), np.full(objects, at), np.full(objects, frame), ids, seen])[keep])
    rows = np.vstack(rows)
    truths, found = rows[rows[:, 0] == 0][:, 1:], rows[rows[:, 0] == 1][:, 1:]
    with tempfile.TemporaryDirectory() as folder:
        truths.astype("<f8").tofile(os.path.join(folder, "truths.bin"))
        found.astype("<f8").tofile(os.path.join(folder, "found.bin"))
        told, memory = ours(program, "tracks", folder)
    cases, cut = [], lambda side, at: side[side[:, 0] == at][:, 1:]
    for at in range(sequences):
        a, b = cut(truths, at), cut(found, at)
        (ids, a[:, 1]), (others, b[:, 1]) = np.unique(a[:, 1], return_inverse=True), np.unique(b[:, 1], return_inverse=True)
        cases.append((a, b, len(ids), len(others)))
    start = time.monotonic()
    results = {metric: {} for metric in (HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}))}
    with contextlib.redirect_stdout(io.StringIO()):
        for at, (a, b, ids, others) in enumerate(cases):
            data = {"num_gt_dets": len(a), "num_tracker_dets": len(b), "num_gt_ids": ids, "num_tracker_ids": others, "num_timesteps": frames,
                    "gt_ids": [a[a[:, 0] == t][:, 1].astype(int) for t in range(frames)],
                    "tracker_ids": [b[b[:, 0] == t][:, 1].astype(int) for t in range(frames)]}
            data["similarity_scores"] = [_BaseDataset._calculate_box_ious(a[a[:, 0] == t][:, 2:], b[b[:, 0] == t][:, 2:], box_format="x0y0x1y1")
                                         for t in range(frames)]
            for metric, result in results.items():
                result[str(at)] = metric.eval_sequence(data)
        figures = {}
        for metric, result in results.items():
            figures.update(metric.combine_sequences(result))
    peer, (seconds, own) = time.monotonic() - start, told["tracks"]
    theirs = [float(np.mean(figures[name])) for name in ("HOTA", "MOTA", "IDF1", "AssA", "IDSW")]
    print(f"\n| tracks, {sequences} sequences of {frames} frames, {len(truths)} boxes, {len(found)} found ({memory:.0f} MB) | tamis s | trackeval s | ratio | apart |\n|---|---|---|---|---|")
    print(f"| HOTA, CLEAR, identity | {seconds:.3f} | {peer:.2f} | {peer / seconds:.0f}x | {np.abs(np.array(theirs) - own).max():.1e} |", flush=True)


if __name__ == "__main__":
    program, quick = sys.argv[1], "--quick" in sys.argv
    for n in [5_000] if quick else [50_000, 1_000_000]:
        hashes(program, n)
    vectors(program, *((2_000, 64) if quick else (20_000, 384)))
    suspects(program, *((50, 360, 1_800) if quick else (500, 3_650, 17_900)))
    crowd(program, *((400, 20) if quick else (10_000, 100)))
    tracks(program, *((2, 50, 6) if quick else (10, 500, 15)))
    coco(program, quick)
    consensus(program, 24_945, 4)
    for n, k in [(5000, 100)] if quick else [(50_000, 1000), (1_000_000, 100)]:
        confident(program, n, k)
