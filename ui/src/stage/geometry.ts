/** Plane geometry of labels, in pixels of the stored image. Pure functions; x to the right, y down, angles clockwise on screen. */
export interface Point {
  x: number;
  y: number;
}
export interface Box {
  xmin: number;
  ymin: number;
  xmax: number;
  ymax: number;
}
export interface Rotated {
  cx: number;
  cy: number;
  width: number;
  height: number;
  angle: number;
}

/** The box of two opposite corners, whichever they are. */
export function boxOf(a: Point, b: Point): Box {
  return { xmin: Math.min(a.x, b.x), ymin: Math.min(a.y, b.y), xmax: Math.max(a.x, b.x), ymax: Math.max(a.y, b.y) };
}

/** The smallest box around points; undefined without any. */
export function boundsOf(points: Iterable<Point>): Box | undefined {
  let box: Box | undefined;
  for (const p of points) {
    if (!box) box = { xmin: p.x, ymin: p.y, xmax: p.x, ymax: p.y };
    else {
      box.xmin = Math.min(box.xmin, p.x);
      box.ymin = Math.min(box.ymin, p.y);
      box.xmax = Math.max(box.xmax, p.x);
      box.ymax = Math.max(box.ymax, p.y);
    }
  }
  return box;
}

/** The corners of a turned box, clockwise from the one that is upper left at angle 0. */
export function corners(box: Rotated): [Point, Point, Point, Point] {
  const cos = Math.cos(box.angle);
  const sin = Math.sin(box.angle);
  const at = (u: number, v: number): Point => ({
    x: box.cx + u * box.width * 0.5 * cos - v * box.height * 0.5 * sin,
    y: box.cy + u * box.width * 0.5 * sin + v * box.height * 0.5 * cos,
  });
  return [at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)];
}

/** A turned box with corner `index` moved to `to`, its opposite corner and angle kept. */
export function dragCorner(box: Rotated, index: number, to: Point): Rotated {
  const fixed = corners(box)[(index + 2) % 4]!;
  const cos = Math.cos(box.angle);
  const sin = Math.sin(box.angle);
  const dx = to.x - fixed.x;
  const dy = to.y - fixed.y;
  return {
    cx: (to.x + fixed.x) / 2,
    cy: (to.y + fixed.y) / 2,
    width: Math.abs(dx * cos + dy * sin),
    height: Math.abs(-dx * sin + dy * cos),
    angle: box.angle,
  };
}

/** Where the handle that turns a box stands: above its upper side, `away` pixels. */
export function turnHandle(box: Rotated, away: number): Point {
  const reach = box.height / 2 + away;
  return { x: box.cx + Math.sin(box.angle) * reach, y: box.cy - Math.cos(box.angle) * reach };
}

/** Whether a point is inside a ring, by the even-odd rule (Shimrat 1962). */
export function inRing(point: Point, ring: readonly Point[]): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const a = ring[i]!;
    const b = ring[j]!;
    if (a.y > point.y !== b.y > point.y && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x)
      inside = !inside;
  }
  return inside;
}

/** The distance of a point from a line between two points. */
export function distanceToSegment(p: Point, a: Point, b: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy;
  const t = length > 0 ? Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length)) : 0;
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/** The segment of a line or ring that is nearest to a point, by the index of its first point, with the distance. */
export function nearestSegment(
  p: Point,
  points: readonly Point[],
  closed: boolean,
): { index: number; distance: number } {
  let best = { index: -1, distance: Number.POSITIVE_INFINITY };
  const segments = closed ? points.length : points.length - 1;
  for (let i = 0; i < segments; i++) {
    const distance = distanceToSegment(p, points[i]!, points[(i + 1) % points.length]!);
    if (distance < best.distance) best = { index: i, distance };
  }
  return best;
}

/** The nearest of some points within reach; -1 when none is. */
export function nearestPoint(p: Point, points: readonly Point[], reach: number): number {
  let best = -1;
  let distance = reach;
  points.forEach((q, i) => {
    const d = Math.hypot(p.x - q.x, p.y - q.y);
    if (d <= distance) {
      best = i;
      distance = d;
    }
  });
  return best;
}

/** The area inside a ring, in square pixels (shoelace formula). */
export function ringArea(ring: readonly Point[]): number {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++)
    sum += ring[j]!.x * ring[i]!.y - ring[i]!.x * ring[j]!.y;
  return Math.abs(sum) / 2;
}

/** Intersection over union of two boxes; 0 when both are empty. */
export function iou(a: Box, b: Box): number {
  const w = Math.min(a.xmax, b.xmax) - Math.max(a.xmin, b.xmin);
  const h = Math.min(a.ymax, b.ymax) - Math.max(a.ymin, b.ymin);
  const both = Math.max(0, w) * Math.max(0, h);
  const either = (a.xmax - a.xmin) * (a.ymax - a.ymin) + (b.xmax - b.xmin) * (b.ymax - b.ymin) - both;
  return either > 0 ? both / either : 0;
}
