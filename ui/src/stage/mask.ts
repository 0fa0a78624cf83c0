/** Masks: run lengths as they are stored (column-major, background first), and bitmaps that a brush can paint. */
import type { Box, Point } from "./geometry";

export interface Rle {
  height: number;
  width: number;
  counts: number[];
}

/** One byte a pixel, row-major, 0 or 1. */
export interface Bitmap {
  width: number;
  height: number;
  bits: Uint8Array;
}

/** Pixels above which a mask is not decoded. */
export const MAX_PIXELS = 1 << 28;

export function emptyBitmap(width: number, height: number): Bitmap {
  return { width, height, bits: new Uint8Array(Math.min(MAX_PIXELS, width * height)) };
}

/** Decodes; undefined for a mask without a size, beyond MAX_PIXELS, or with more runs than pixels. O(pixels). */
export function decode(rle: Rle): Bitmap | undefined {
  const { width, height, counts } = rle;
  const size = width * height;
  if (!(size > 0) || size > MAX_PIXELS || counts.length > size + 2) return undefined;
  const bitmap = emptyBitmap(width, height);
  let at = 0;
  for (let i = 0; i < counts.length && at < size; i++) {
    const end = Math.min(size, at + Math.max(0, counts[i]!));
    if (i % 2 === 1) {
      let x = Math.floor(at / height);
      let y = at % height;
      for (let k = at; k < end; k++) {
        bitmap.bits[y * width + x] = 1;
        if (++y === height) {
          y = 0;
          x++;
        }
      }
    }
    at = end;
  }
  return bitmap;
}

/** The run lengths of a bitmap. O(pixels). */
export function encode(bitmap: Bitmap): Rle {
  const { width, height, bits } = bitmap;
  const counts: number[] = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const bit = bits[y * width + x]!;
      if (bit === value) run++;
      else {
        counts.push(run);
        value = bit;
        run = 1;
      }
    }
  }
  counts.push(run);
  return { width, height, counts };
}

/** How many pixels are set. */
export function area(rle: Rle): number {
  let sum = 0;
  for (let i = 1; i < rle.counts.length; i += 2) sum += rle.counts[i]!;
  return sum;
}

/** The box of whole pixels around what is set, from the runs alone. */
export function maskBounds(rle: Rle): Box | undefined {
  const { height } = rle;
  if (!(height > 0)) return undefined;
  let box: Box | undefined;
  let at = 0;
  rle.counts.forEach((run, i) => {
    if (i % 2 === 1 && run > 0) {
      const x0 = Math.floor(at / height);
      const x1 = Math.floor((at + run - 1) / height);
      const y0 = x0 === x1 ? at % height : 0;
      const y1 = x0 === x1 ? (at + run - 1) % height : height - 1;
      if (!box) box = { xmin: x0, ymin: y0, xmax: x1 + 1, ymax: y1 + 1 };
      else {
        box.xmin = Math.min(box.xmin, x0);
        box.ymin = Math.min(box.ymin, y0);
        box.xmax = Math.max(box.xmax, x1 + 1);
        box.ymax = Math.max(box.ymax, y1 + 1);
      }
    }
    at += run;
  });
  return box;
}

/** Whether a pixel is set, from the runs alone. */
export function maskHas(rle: Rle, point: Point): boolean {
  const x = Math.floor(point.x);
  const y = Math.floor(point.y);
  if (x < 0 || y < 0 || x >= rle.width || y >= rle.height) return false;
  const want = x * rle.height + y;
  let at = 0;
  for (let i = 0; i < rle.counts.length; i++) {
    at += rle.counts[i]!;
    if (want < at) return i % 2 === 1;
  }
  return false;
}

/** Paints a round brush along a line; the pixels touched are set to `value`. O(box around the stroke). */
export function stroke(bitmap: Bitmap, from: Point, to: Point, radius: number, value: 0 | 1): void {
  const r2 = radius * radius;
  const x0 = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
  const x1 = Math.min(bitmap.width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
  const y0 = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
  const y1 = Math.min(bitmap.height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const px = x + 0.5 - from.x;
      const py = y + 0.5 - from.y;
      const t = length > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : 0;
      const ex = px - t * dx;
      const ey = py - t * dy;
      if (ex * ex + ey * ey <= r2) bitmap.bits[y * bitmap.width + x] = value;
    }
  }
}

/**
 * The magic wand: the connected region around a pixel whose colours differ from it by at most `tolerance` in each channel.
 * `rgba` has four bytes a pixel. O(pixels), no recursion.
 */
export function wand(rgba: Uint8ClampedArray, width: number, height: number, at: Point, tolerance: number): Bitmap {
  const bitmap = emptyBitmap(width, height);
  const sx = Math.floor(at.x);
  const sy = Math.floor(at.y);
  if (sx < 0 || sy < 0 || sx >= width || sy >= height) return bitmap;
  const start = (sy * width + sx) * 4;
  const [r, g, b] = [rgba[start]!, rgba[start + 1]!, rgba[start + 2]!];
  const fits = (i: number) =>
    Math.abs(rgba[i * 4]! - r) <= tolerance &&
    Math.abs(rgba[i * 4 + 1]! - g) <= tolerance &&
    Math.abs(rgba[i * 4 + 2]! - b) <= tolerance;
  const todo = [sy * width + sx];
  for (let i = todo.pop(); i !== undefined; i = todo.pop()) {
    const y = Math.floor(i / width);
    let left = i;
    while (left % width > 0 && !bitmap.bits[left - 1] && fits(left - 1)) left--;
    let x = left;
    for (; x < (y + 1) * width && !bitmap.bits[x] && fits(x); x++) {
      bitmap.bits[x] = 1;
      if (y > 0 && !bitmap.bits[x - width] && fits(x - width)) todo.push(x - width);
      if (y < height - 1 && !bitmap.bits[x + width] && fits(x + width)) todo.push(x + width);
    }
  }
  return bitmap;
}
