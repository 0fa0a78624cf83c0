import { describe, expect, it } from "vitest";
import { boxAround, type Doc, handlesOf, hits, type Label, moved, withHandle } from "./doc";
import { begin, click, shapeOf, unclick } from "./draft";
import * as geo from "./geometry";
import { apply, commands, difference, History, invert } from "./history";
import { area, decode, emptyBitmap, encode, maskBounds, maskHas, stroke, wand } from "./mask";
import { match } from "./match";
import { type Call, isLegal, LEGAL, type Mode } from "./modes";
import { labelsAt, shapeAt } from "./track";
import { fitImage, toImage, toScreen, zoomAt } from "./viewport";

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const square: geo.Point[] = [
  { x: 10, y: 10 },
  { x: 20, y: 10 },
  { x: 20, y: 20 },
  { x: 10, y: 20 },
];

describe("geometry", () => {
  it("corners of a turned box lie at its half sides, and dragging one keeps its opposite", () => {
    const next = random(1);
    for (let i = 0; i < 200; i++) {
      const box = {
        cx: next() * 100,
        cy: next() * 100,
        width: 5 + next() * 50,
        height: 5 + next() * 50,
        angle: next() * 7,
      };
      const c = geo.corners(box);
      expect(Math.hypot(c[1].x - c[0].x, c[1].y - c[0].y)).toBeCloseTo(box.width, 6);
      expect(geo.ringArea(c)).toBeCloseTo(box.width * box.height, 4);
      const to = { x: c[2].x + 3 * Math.cos(box.angle), y: c[2].y + 3 * Math.sin(box.angle) };
      const after = geo.dragCorner(box, 2, to);
      expect(after.width).toBeCloseTo(box.width + 3, 6);
      expect(geo.corners(after)[0].x).toBeCloseTo(c[0].x, 6);
      expect(geo.corners(after)[2].x).toBeCloseTo(to.x, 6);
    }
  });

  it("even-odd, nearest side, overlap", () => {
    expect(geo.inRing({ x: 15, y: 15 }, square)).toBe(true);
    expect(geo.inRing({ x: 25, y: 15 }, square)).toBe(false);
    expect(geo.nearestSegment({ x: 15, y: 9 }, square, true)).toEqual({ index: 0, distance: 1 });
    expect(geo.nearestSegment({ x: 9, y: 15 }, square, true).index).toBe(3);
    expect(geo.nearestSegment({ x: 9, y: 15 }, square, false).index).not.toBe(3);
    expect(geo.iou({ xmin: 0, ymin: 0, xmax: 2, ymax: 2 }, { xmin: 1, ymin: 0, xmax: 3, ymax: 2 })).toBeCloseTo(1 / 3);
    expect(geo.iou({ xmin: 0, ymin: 0, xmax: 0, ymax: 0 }, { xmin: 0, ymin: 0, xmax: 0, ymax: 0 })).toBe(0);
  });
});

describe("masks", () => {
  it("run lengths read back, with their area, bounds and pixels", () => {
    const next = random(11);
    for (let round = 0; round < 30; round++) {
      const bitmap = emptyBitmap(1 + Math.floor(next() * 30), 1 + Math.floor(next() * 30));
      for (let i = 0; i < bitmap.bits.length; i++) bitmap.bits[i] = next() < 0.3 ? 1 : 0;
      const rle = encode(bitmap);
      expect(decode(rle)).toEqual(bitmap);
      expect(area(rle)).toBe(bitmap.bits.reduce((a, b) => a + b, 0));
      const set: geo.Point[] = [];
      bitmap.bits.forEach((bit, i) => {
        const p = { x: i % bitmap.width, y: Math.floor(i / bitmap.width) };
        expect(maskHas(rle, p)).toBe(bit === 1);
        if (bit) set.push(p);
      });
      const b = geo.boundsOf(set);
      if (b) expect(maskBounds(rle)).toEqual({ xmin: b.xmin, ymin: b.ymin, xmax: b.xmax + 1, ymax: b.ymax + 1 });
    }
  });

  it("takes hostile runs without harm", () => {
    expect(decode({ width: 0, height: 0, counts: [5, 5] })).toBeUndefined();
    expect(decode({ width: 1e6, height: 1e6, counts: [] })).toBeUndefined();
    const odd = decode({ width: 2, height: 2, counts: [1, 900, -5, 3] });
    expect(odd?.bits.reduce((a, b) => a + b, 0)).toBe(3);
  });

  it("a stroke paints a disc and the eraser takes it out", () => {
    const bitmap = emptyBitmap(40, 40);
    stroke(bitmap, { x: 20, y: 20 }, { x: 20, y: 20 }, 8, 1);
    const painted = bitmap.bits.reduce((a, b) => a + b, 0);
    expect(Math.abs(painted - Math.PI * 64)).toBeLessThan(16);
    stroke(bitmap, { x: 0, y: 20 }, { x: 40, y: 20 }, 9, 0);
    expect(bitmap.bits.reduce((a, b) => a + b, 0)).toBe(0);
  });

  it("the wand fills what is connected and alike, as a slow search does", () => {
    const next = random(21);
    const [w, h] = [24, 17];
    const rgba = new Uint8ClampedArray(w * h * 4);
    for (let i = 0; i < w * h; i++) rgba.fill(next() < 0.55 ? 200 : 20, i * 4, i * 4 + 4);
    const start = { x: 12, y: 8 };
    const got = wand(rgba, w, h, start, 10);
    const seen = new Set<number>([start.y * w + start.x]);
    const todo = [...seen];
    for (let i = todo.pop(); i !== undefined; i = todo.pop()) {
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ] as const) {
        const x = (i % w) + dx;
        const y = Math.floor(i / w) + dy;
        const j = y * w + x;
        if (x >= 0 && y >= 0 && x < w && y < h && !seen.has(j) && rgba[j * 4] === rgba[(start.y * w + start.x) * 4]) {
          seen.add(j);
          todo.push(j);
        }
      }
    }
    for (let i = 0; i < w * h; i++) expect(got.bits[i]).toBe(seen.has(i) ? 1 : 0);
  });
});

const box = (id: number, x = 0): Label => ({
  id,
  type: "box2d",
  shape: { xmin: x, ymin: 0, xmax: x + 10, ymax: 10 },
  class: "car",
});

describe("labels", () => {
  const all: Label[] = [
    box(1),
    { id: 2, type: "rotated_box", shape: { cx: 30, cy: 30, width: 20, height: 10, angle: 0.4 } },
    { id: 3, type: "polygon", shape: square },
    { id: 4, type: "multi_polygon", shape: [square, square.map((p) => ({ x: p.x + 30, y: p.y }))] },
    { id: 5, type: "polyline", shape: { points: square } },
    { id: 6, type: "multi_polyline", shape: [square, square] },
    { id: 7, type: "keypoints", shape: square.map((p) => ({ ...p, v: 2 })) },
  ];

  it("move there and back, and are hit where they are", () => {
    for (const label of all) {
      const there = moved(label, 7, -3);
      expect(boxAround(there)!.xmin).toBeCloseTo(boxAround(label)!.xmin + 7, 9);
      const back = moved(there, -7, 3);
      handlesOf(back).forEach((p, i) => {
        expect(p.x).toBeCloseTo(handlesOf(label)[i]!.x, 9);
      });
      expect(hits(label, handlesOf(label)[0]!, 1)).toBe(true);
      expect(hits(label, { x: -50, y: -50 }, 1)).toBe(false);
    }
  });

  it("a handle goes where it is dragged", () => {
    for (const label of all) {
      const to = { x: 2, y: 3 };
      const after = withHandle(label, 0, to);
      expect(handlesOf(after).some((p) => Math.hypot(p.x - to.x, p.y - to.y) < 1e-6)).toBe(true);
    }
  });

  it("no handle turns a box inside out", () => {
    const after = withHandle(box(1), 0, { x: 50, y: 60 });
    expect(after.shape).toEqual({ xmin: 10, ymin: 10, xmax: 50, ymax: 60 });
  });
});

describe("history", () => {
  it("undo and redo walk through every state of random edits", () => {
    const next = random(31);
    const history = new History({ truth: [box(1), box(2, 20)] });
    const states: Doc[] = [history.doc];
    for (let i = 0; i < 200; i++) {
      const labels = history.doc.truth ?? [];
      const pick = labels[Math.floor(next() * labels.length)];
      const kind = Math.floor(next() * 5);
      const before = history.doc;
      if (kind === 0 || !pick) history.do(commands.add(before, "truth", { ...box(0, next() * 99) }));
      else if (kind === 1) history.do(commands.replace(before, "truth", moved(pick, 1 + next(), 0)));
      else if (kind === 2) history.do(commands.remove(before, "truth", [pick.id]));
      else if (kind === 3) history.do(commands.classify(before, "truth", [pick.id], `c${i}`));
      else history.do(commands.attribute(before, "truth", pick.id, "occluded", i));
      states.push(history.doc);
    }
    const sorted = (doc: Doc) => JSON.stringify([...(doc.truth ?? [])].sort((a, b) => a.id - b.id));
    for (let i = states.length - 2; i >= 0; i--) {
      history.undo();
      expect(sorted(history.doc)).toBe(sorted(states[i]!));
    }
    expect(history.undo()).toBeUndefined();
    for (let i = 1; i < states.length; i++) {
      history.redo();
      expect(sorted(history.doc)).toBe(sorted(states[i]!));
    }
  });

  it("a drag is one step, and a new edit forgets what was undone", () => {
    const history = new History({ truth: [box(1)] });
    for (let x = 1; x <= 9; x++) history.do(commands.replace(history.doc, "truth", moved(box(1), x, 0)), "drag");
    history.seal();
    history.do(commands.replace(history.doc, "truth", moved(box(1), 50, 0)), "drag");
    history.undo();
    expect(boxAround(history.doc.truth![0]!)!.xmin).toBe(9);
    history.undo();
    expect(boxAround(history.doc.truth![0]!)!.xmin).toBe(0);
    history.do(commands.remove(history.doc, "truth", [1]));
    expect(history.canRedo).toBe(false);
  });

  it("difference applied gives the other document; its inverse gives it back", () => {
    const from: Doc = { truth: [box(1), box(2)], pred: [box(1)] };
    const to: Doc = { truth: [moved(box(2), 3, 3), box(5)], pred: [box(1)], new: [box(9)] };
    const patch = difference(from, to);
    expect(patch.map((c) => `${c.layer}${c.id}`).sort()).toEqual(["new9", "truth1", "truth2", "truth5"]);
    const there = apply(from, patch);
    expect(difference(there, to)).toEqual([]);
    expect(difference(apply(there, invert(patch)), from)).toEqual([]);
  });

  it("adopting a prediction drops its confidence and takes a new id", () => {
    const doc: Doc = { truth: [box(4)], pred: [{ ...box(4, 9), confidence: 0.7 }] };
    const after = apply(doc, commands.adopt(doc, "pred", 4, "truth"));
    expect(after.truth![1]).toMatchObject({ id: 5, class: "car" });
    expect(after.truth![1]).not.toHaveProperty("confidence");
  });
});

describe("drawing", () => {
  const draw = (tool: Parameters<typeof begin>[0], points: geo.Point[], skeleton = 17) => {
    let state = begin(tool, points[0]!, skeleton);
    let done = false;
    for (const p of points.slice(1)) ({ drawing: state, done } = click(state, p, 2));
    return { state, done };
  };

  it("two clicks make a box, whichever corners", () => {
    const { state, done } = draw("box2d", [
      { x: 30, y: 40 },
      { x: 10, y: 5 },
    ]);
    expect(done).toBe(true);
    expect(shapeOf(state)).toEqual({ type: "box2d", shape: { xmin: 10, ymin: 5, xmax: 30, ymax: 40 } });
    expect(shapeOf(begin("box2d", { x: 1, y: 1 }), { x: 1.2, y: 9 })).toBeUndefined();
  });

  it("three clicks make a turned box through all of them", () => {
    const points = [
      { x: 10, y: 10 },
      { x: 40, y: 30 },
      { x: 15, y: 45 },
    ];
    const { state, done } = draw("rotated_box", points);
    expect(done).toBe(true);
    const shape = shapeOf(state);
    const at = geo.corners(shape!.shape as geo.Rotated);
    for (const p of points.slice(0, 2)) expect(at.some((c) => Math.hypot(c.x - p.x, c.y - p.y) < 1e-9)).toBe(true);
    expect(geo.nearestSegment(points[2]!, at, true).distance).toBeLessThan(1e-9);
  });

  it("a polygon closes at its first point, steps back, and needs three", () => {
    const { state, done } = draw("polygon", [...square, { x: 10.5, y: 10.5 }]);
    expect(done).toBe(true);
    expect(shapeOf(state)?.shape).toEqual(square);
    const back = unclick(unclick(state)!)!;
    expect(shapeOf(back)).toBeUndefined();
    expect(unclick(begin("polygon", square[0]!))).toBeUndefined();
  });

  it("key points end with the skeleton, and may end early with the rest unseen", () => {
    expect(draw("keypoints", square, 4).done).toBe(true);
    const early = shapeOf(draw("keypoints", square.slice(0, 2), 4).state)?.shape as { v: number }[];
    expect(early.map((p) => p.v)).toEqual([2, 2, 0, 0]);
  });
});

describe("modes", () => {
  it("a label can be deleted or undone only when nothing is under the pointer's button", () => {
    const calls: Call[] = ["delete", "undo", "redo", "load", "tool"];
    for (const mode of ["drag", "paint", "pan"] as Mode[])
      for (const call of calls) expect(isLegal(mode, call)).toBe(false);
    for (const call of calls) expect(isLegal("idle", call)).toBe(true);
  });

  it("every mode but idle can be left", () => {
    for (const mode of Object.keys(LEGAL) as Mode[]) expect(isLegal(mode, "cancel")).toBe(true);
  });
});

describe("viewport", () => {
  it("zooming keeps the point under the pointer, and screen and image agree", () => {
    const next = random(41);
    let view = fitImage({ width: 640, height: 480 }, { width: 1000, height: 700 });
    for (let i = 0; i < 100; i++) {
      const at = { x: next() * 1000, y: next() * 700 };
      const before = toImage(view, at);
      view = zoomAt(view, at, 0.5 + next());
      expect(toImage(view, at).x).toBeCloseTo(before.x, 4);
      expect(toScreen(view, before).y).toBeCloseTo(at.y, 4);
    }
  });

  it("fits a 30,000 pixel image and an empty one", () => {
    for (const image of [
      { width: 30_000, height: 30_000 },
      { width: 0, height: 0 },
    ]) {
      const view = fitImage(image, { width: 800, height: 600 });
      expect(Number.isFinite(view.scale + view.x + view.y)).toBe(true);
      expect(image.width * view.scale).toBeLessThanOrEqual(800);
    }
  });
});

describe("matching", () => {
  it("gives each truth to the surest prediction that overlaps, by class", () => {
    const truth = [box(1), box(2, 100)];
    const predictions: Label[] = [
      { ...box(1, 1), confidence: 0.5 },
      { ...box(2, 2), confidence: 0.9 },
      { ...box(3, 100), confidence: 0.9, class: "bus" },
      { ...box(4, 300), confidence: 0.2 },
    ];
    const got = match(truth, predictions);
    expect([...got.hits]).toEqual([[2, 1]]);
    expect([...got.falseAlarms].sort()).toEqual([1, 3, 4]);
    expect([...got.misses]).toEqual([2]);
  });
});

describe("tracks", () => {
  const key = (frame: number, xmin: number, more = {}) => ({
    frame,
    type: "box2d",
    shape: { xmin, ymin: 0, xmax: xmin + 10, ymax: 10 },
    ...more,
  });

  it("are drawn at their keys, linear between, absent before and where they are outside", () => {
    const keys = [key(10, 0), key(20, 100), key(30, 100, { outside: true }), key(40, 0)];
    expect(shapeAt(keys, 9)).toBeUndefined();
    expect(shapeAt(keys, 10)?.shape).toEqual(key(10, 0).shape);
    expect(shapeAt(keys, 15)?.shape).toEqual({ xmin: 50, ymin: 0, xmax: 60, ymax: 10 });
    expect(shapeAt(keys, 35)).toBeUndefined();
    expect(shapeAt(keys, 99)?.shape).toEqual(key(40, 0).shape);
    expect(shapeAt([], 0)).toBeUndefined();
  });

  it("turn the shorter way round and keep the earlier shape when the points are not alike", () => {
    const turned = (frame: number, angle: number) => ({
      frame,
      type: "rotated_box",
      shape: { cx: 0, cy: 0, width: 2, height: 1, angle },
    });
    const at = shapeAt([turned(0, 0.1), turned(2, 2 * Math.PI - 0.1)], 1)?.shape as geo.Rotated;
    expect(at.angle).toBeCloseTo(0, 9);
    const ring = (frame: number, n: number) => ({ frame, type: "polygon", shape: square.slice(0, n) });
    expect(shapeAt([ring(0, 4), ring(4, 3)], 2)?.shape).toEqual(square);
  });

  it("stand beside labels that do not move", () => {
    const track = { id: 5, type: "track", class: "car", shape: [key(0, 0), key(10, 10)] } as Label;
    expect(labelsAt([box(1), track], 5).map((l) => [l.id, l.type])).toEqual([
      [1, "box2d"],
      [5, "box2d"],
    ]);
  });
});
