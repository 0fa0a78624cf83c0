/** A shape while it is drawn, click by click. Pure: each step gives the next state, and the shape once it is whole. */
import type { Keypoint, Label } from "./doc";
import { boxOf, type Point } from "./geometry";
import type { Tool } from "./modes";

export interface Drawing {
  tool: Tool;
  points: Point[];
  /** How many points the class's skeleton has. */
  skeleton: number;
}

export type NewShape = Pick<Label, "type" | "shape">;

export function begin(tool: Tool, at: Point, skeleton = 17): Drawing {
  return { tool, points: [at], skeleton };
}

/** One more click. `done` when the shape is whole by it; `reach` is how near the first point closes a polygon, in pixels. */
export function click(drawing: Drawing, at: Point, reach: number): { drawing: Drawing; done: boolean } {
  const { tool, points } = drawing;
  const first = points[0]!;
  if (tool === "polygon" && points.length >= 3 && Math.hypot(at.x - first.x, at.y - first.y) <= reach) {
    return { drawing, done: true };
  }
  const last = points[points.length - 1]!;
  if (last.x === at.x && last.y === at.y && tool !== "keypoints") return { drawing, done: false };
  const next = { ...drawing, points: [...points, at] };
  const most =
    tool === "box2d"
      ? 2
      : tool === "rotated_box"
        ? 3
        : tool === "keypoints"
          ? drawing.skeleton
          : Number.POSITIVE_INFINITY;
  return { drawing: next, done: next.points.length >= most };
}

/** Takes the last point back; undefined when none is left. */
export function unclick(drawing: Drawing): Drawing | undefined {
  const points = drawing.points.slice(0, -1);
  return points.length > 0 ? { ...drawing, points } : undefined;
}

/** The shape that the points so far make, `pointer` taken as the next point; undefined when it is too small to be one. */
export function shapeOf(drawing: Drawing, pointer?: Point): NewShape | undefined {
  const points = pointer ? [...drawing.points, pointer] : drawing.points;
  const [a, b, c] = points;
  switch (drawing.tool) {
    case "box2d": {
      if (!a || !b) return undefined;
      const shape = boxOf(a, b);
      return shape.xmax - shape.xmin >= 1 && shape.ymax - shape.ymin >= 1 ? { type: "box2d", shape } : undefined;
    }
    case "rotated_box": {
      // Two clicks give one side, the third how far the opposite side is.
      if (!a || !b) return undefined;
      const width = Math.hypot(b.x - a.x, b.y - a.y);
      const angle = Math.atan2(b.y - a.y, b.x - a.x);
      const side = c ? -(c.x - a.x) * Math.sin(angle) + (c.y - a.y) * Math.cos(angle) : 0;
      if (width < 1 || (c && Math.abs(side) < 1)) return undefined;
      const cx = (a.x + b.x) / 2 - (Math.sin(angle) * side) / 2;
      const cy = (a.y + b.y) / 2 + (Math.cos(angle) * side) / 2;
      return { type: "rotated_box", shape: { cx, cy, width, height: Math.abs(side), angle } };
    }
    case "polygon":
      return points.length >= 3 ? { type: "polygon", shape: points } : undefined;
    case "polyline":
      return points.length >= 2 ? { type: "polyline", shape: { points } } : undefined;
    case "keypoints": {
      const given: Keypoint[] = points.slice(0, drawing.skeleton).map((p) => ({ ...p, v: 2 }));
      while (given.length < drawing.skeleton) given.push({ x: 0, y: 0, v: 0 });
      return { type: "keypoints", shape: given };
    }
    default:
      return undefined;
  }
}
