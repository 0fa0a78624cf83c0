/** Predictions against the truth in one sample: hits, misses and false alarms, for showing (the engine measures). */
import { boxAround, type Label } from "./doc";
import { iou } from "./geometry";

export interface Matching {
  /** Predictions that found a label of the truth, with it. */
  hits: Map<number, number>;
  /** Ids of predictions without one. */
  falseAlarms: Set<number>;
  /** Ids of the truth that nothing found. */
  misses: Set<number>;
}

/** Greedy matching by falling confidence, as the COCO evaluation does it, by boxes of the same class. O(truth × predictions). */
export function match(truth: readonly Label[], predictions: readonly Label[], overlap = 0.5): Matching {
  const free = new Map(truth.filter((l) => boxAround(l)).map((label) => [label.id, label]));
  const result: Matching = { hits: new Map(), falseAlarms: new Set(), misses: new Set() };
  const ordered = [...predictions]
    .filter((l) => boxAround(l))
    .sort((a, b) => (b.confidence ?? 1) - (a.confidence ?? 1));
  for (const prediction of ordered) {
    const box = boxAround(prediction)!;
    let best: number | undefined;
    let most = overlap;
    for (const [id, label] of free) {
      if (label.class !== prediction.class) continue;
      const share = iou(box, boxAround(label)!);
      if (share >= most) {
        best = id;
        most = share;
      }
    }
    if (best === undefined) result.falseAlarms.add(prediction.id);
    else {
      free.delete(best);
      result.hits.set(prediction.id, best);
    }
  }
  result.misses = new Set(free.keys());
  return result;
}
