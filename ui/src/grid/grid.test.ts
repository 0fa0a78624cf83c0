import { describe, expect, it } from "vitest";
import { BLOCK, justify, Layout } from "./layout";
import * as ranges from "./ranges";
import { LIMIT, ScrollSpace } from "./scroll";

/** A small deterministic generator, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("ranges", () => {
  it("agree with a set of rows under random unions, differences and toggles", () => {
    const next = random(7);
    let ours: ranges.Ranges = ranges.none;
    const model = new Set<number>();
    for (let step = 0; step < 2000; step++) {
      const a = Math.floor(next() * 200);
      const b = a + Math.floor(next() * 20);
      const kind = Math.floor(next() * 3);
      if (kind === 0) {
        ours = ranges.union(ours, ranges.range(a, b));
        for (let i = a; i < b; i++) model.add(i);
      } else if (kind === 1) {
        ours = ranges.minus(ours, ranges.range(a, b));
        for (let i = a; i < b; i++) model.delete(i);
      } else {
        ours = ranges.toggle(ours, a);
        if (!model.delete(a)) model.add(a);
      }
      expect(ranges.count(ours)).toBe(model.size);
      expect(ranges.has(ours, a)).toBe(model.has(a));
      for (let i = 1; i < ours.length; i++) expect(ours[i]![0]).toBeGreaterThan(ours[i - 1]![1]);
    }
    expect(ranges.count(ranges.invert(ours, 300))).toBe(300 - model.size);
  });

  it("keep everything but three of a million small", () => {
    let all = ranges.range(0, 1_000_000);
    for (const row of [5, 70, 999_999]) all = ranges.toggle(all, row);
    expect(all.length).toBe(3);
    expect(ranges.count(all)).toBe(999_997);
  });
});

describe("justified layout", () => {
  const options = { width: 1000, rowHeight: 160, gap: 3 };

  it("fills rows to the width, keeps order and aspects, and never overlaps", () => {
    const next = random(3);
    const aspects = Array.from({ length: 300 }, () => 0.5 + next() * 2);
    const { tiles } = justify(aspects, 10, options);
    expect(tiles.map((t) => t.index)).toEqual(aspects.map((_, i) => i + 10));
    const rows = new Map<number, typeof tiles>();
    for (const tile of tiles) rows.set(tile.y, [...(rows.get(tile.y) ?? []), tile]);
    const last = Math.max(...rows.keys());
    for (const [y, row] of rows) {
      const right = row.at(-1)!.x + row.at(-1)!.width;
      if (y !== last) expect(right).toBeCloseTo(1000, 6);
      else expect(right).toBeLessThanOrEqual(1000.001);
      for (let i = 1; i < row.length; i++) expect(row[i]!.x).toBeCloseTo(row[i - 1]!.x + row[i - 1]!.width + 3, 6);
    }
    for (const tile of tiles) expect(tile.width / tile.height).toBeCloseTo(aspects[tile.index - 10]!, 6);
  });

  it("takes any aspect, also absurd ones", () => {
    const { tiles } = justify([0, Number.NaN, 1e9, -4, 1e-9, Number.POSITIVE_INFINITY], 0, options);
    for (const tile of tiles) {
      expect(tile.width).toBeGreaterThan(0);
      expect(Number.isFinite(tile.x + tile.y + tile.width + tile.height)).toBe(true);
    }
  });

  it("finds a place among a million without knowing the blocks between", () => {
    const layout = new Layout(1_000_000, options);
    const aspects = new Float32Array(BLOCK).fill(1.5);
    const block = Math.floor(700_000 / BLOCK);
    const before = layout.height;
    const moved = layout.learn(block, aspects);
    expect(layout.height).toBeCloseTo(before + moved, 3);
    const tile = layout.place(700_000);
    const seen = layout.window(tile.y - 300, tile.y + 300);
    expect(seen.tiles.some((t) => t.index === 700_000)).toBe(true);
    expect(layout.blockAt(tile.y)).toBe(block);
  });

  it("window equals a filter over all tiles, and reports what is missing", () => {
    const layout = new Layout(BLOCK * 3 + 40, options);
    expect(layout.window(0, 100).missing).toEqual([0]);
    const next = random(9);
    for (let b = 0; b < layout.blocks; b++) {
      layout.learn(
        b,
        Array.from({ length: layout.sizeOf(b) }, () => 0.6 + next()),
      );
    }
    const all = layout.window(0, layout.height).tiles;
    expect(all.length).toBe(layout.total);
    for (const top of [0, 500, 3333.3, layout.height - 400]) {
      const want = all.filter((t) => t.y + t.height > top && t.y < top + 400).map((t) => t.index);
      expect(layout.window(top, top + 400).tiles.map((t) => t.index)).toEqual(want);
    }
  });

  it("moves by rows to the nearest tile and stays inside", () => {
    const layout = new Layout(40, options);
    layout.learn(0, new Float32Array(40).fill(1));
    const down = layout.neighbour(1, 1);
    expect(layout.place(down).y).toBeGreaterThan(layout.place(1).y);
    expect(layout.neighbour(down, -1)).toBe(1);
    expect(layout.neighbour(0, -1)).toBe(0);
    expect(layout.neighbour(39, 1)).toBe(39);
  });
});

describe("scroll space", () => {
  it("is plain scrolling below the limit", () => {
    const space = new ScrollSpace(100_000, 800);
    expect(space.scrolled(4321)).toBeUndefined();
    expect(space.top).toBe(4321);
  });

  it("moves by pixels for wheels and by share for the scrollbar", () => {
    const space = new ScrollSpace(100_000_000, 1000);
    expect(space.realHeight).toBe(LIMIT);
    space.scrolled(100);
    expect(space.top).toBe(100);
    space.scrolled(LIMIT / 2);
    expect(space.top / space.height).toBeCloseTo(0.5, 2);
    const end = space.jump(Number.MAX_SAFE_INTEGER);
    expect(space.top).toBe(space.height - 1000);
    expect(end).toBeCloseTo(LIMIT - 1000, 3);
  });

  it("every virtual pixel can be reached by small scrolls from both ends", () => {
    const space = new ScrollSpace(20_000_000, 1000);
    let real = 0;
    let before = -1;
    for (let i = 0; i < 30_000 && space.top < space.height - 1000; i++) {
      real += 900;
      const fixed = space.scrolled(Math.min(real, LIMIT - 1000));
      real = fixed ?? Math.min(real, LIMIT - 1000);
      expect(space.top).toBeGreaterThan(before);
      before = space.top;
    }
    expect(space.top).toBe(space.height - 1000);
  });
});
