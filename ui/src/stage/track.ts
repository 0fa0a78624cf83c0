/** Where the object of a track is in a frame, as the engine computes it: drawn frames as they are, linear between them. */
import type { Label, Shape, TrackKey } from "./doc";

/** The shape in a frame; undefined before the first key and where the object is not to be seen. O(log keys + points). */
export function shapeAt(keys: readonly TrackKey[], frame: number): Shape | undefined {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]!.frame <= frame) low = middle + 1;
    else high = middle;
  }
  const key = keys[low - 1];
  if (!key || key.outside) return undefined;
  const next = keys[low];
  const here = { type: key.type, shape: key.shape } as Shape;
  if (!next || key.frame === frame || next.type !== key.type) return here;
  const part = (frame - key.frame) / (next.frame - key.frame);
  const shape = mix(key.shape, next.shape, part);
  return shape === undefined ? here : ({ type: key.type, shape } as Shape);
}

/** The labels of a video as they are in one frame: tracks at their places, other labels as they are. */
export function labelsAt(labels: readonly Label[], frame: number): Label[] {
  return labels.flatMap((label) => {
    if (label.type !== "track") return [label];
    const shape = shapeAt(label.shape, frame);
    return shape ? [{ ...label, ...shape } as Label] : [];
  });
}

/** Numbers linearly, angles the shorter way round, what is no number as it was; undefined when the two are not alike. */
function mix(a: unknown, b: unknown, part: number, name = ""): unknown {
  if (typeof a === "number" && typeof b === "number") {
    if (name === "v") return a;
    if (name !== "angle") return a === b ? a : a * (1 - part) + b * part;
    const turn = 2 * Math.PI;
    const apart = (((b - a) % turn) + turn) % turn;
    return a + (apart > Math.PI ? apart - turn : apart) * part;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return undefined;
    const out = a.map((value, i) => mix(value, b[i], part));
    return out.includes(undefined) ? undefined : out;
  }
  if (a && b && typeof a === "object" && typeof b === "object") {
    const out: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(a)) {
      const mixed = mix(value, (b as Record<string, unknown>)[key], part, key);
      if (mixed === undefined && value !== undefined) return undefined;
      out[key] = mixed;
    }
    return out;
  }
  return a === b ? a : undefined;
}
