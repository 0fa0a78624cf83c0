/** What the stage edits: the labels of one sample, by layer, as the server speaks them. */
import {
  type Box,
  boundsOf,
  corners,
  distanceToSegment,
  dragCorner,
  inRing,
  type Point,
  type Rotated,
} from "./geometry";
import { maskBounds, maskHas, type Rle } from "./mask";

export interface Keypoint extends Point {
  v?: number;
}
export interface Word {
  text: string;
  begin?: number;
  end?: number;
}
export interface Cuboid {
  translation: [number, number, number];
  rotation: [number, number, number, number];
  size: [number, number, number];
}
export interface TrackKey {
  frame: number;
  type: string;
  shape: unknown;
  outside?: boolean;
  interpolated?: boolean;
}

export type Shape =
  | { type: "classification"; shape?: undefined }
  | { type: "box2d"; shape: Box }
  | { type: "rotated_box"; shape: Rotated }
  | { type: "box3d"; shape: Cuboid }
  | { type: "polygon"; shape: Point[] }
  | { type: "multi_polygon"; shape: Point[][] }
  | { type: "polyline"; shape: { points: Point[]; bezier?: string } }
  | { type: "multi_polyline"; shape: Point[][] }
  | { type: "keypoints"; shape: Keypoint[] }
  | { type: "rle"; shape: Rle }
  | { type: "mask"; shape: { kind: "semantic" | "instance" | "panoptic"; blob?: string | null; file?: string } }
  | { type: "sentence"; shape: { sentence?: Word[]; spell?: Word[]; phone?: Word[] } }
  | { type: "relation"; shape: { from: number; to: number } }
  | { type: "scalar"; shape: number }
  | { type: "attributes"; shape?: undefined }
  | { type: "text_span"; shape: { begin: number; end: number } }
  | { type: "time_span"; shape: { begin: number; end: number } }
  | { type: "track"; shape: TrackKey[] };

export type ShapeType = Shape["type"];

export type Label = Shape & {
  id: number;
  bbox?: Box;
  class?: string;
  instance?: string;
  confidence?: number;
  attributes?: Record<string, unknown>;
};

/** The labels of a sample by layer. Never changed in place. */
export type Doc = Readonly<Record<string, readonly Label[]>>;

/** The points of a shape that can be taken hold of; for boxes their corners. */
export function handlesOf(label: Label): Point[] {
  switch (label.type) {
    case "box2d": {
      const b = label.shape;
      return [
        { x: b.xmin, y: b.ymin },
        { x: b.xmax, y: b.ymin },
        { x: b.xmax, y: b.ymax },
        { x: b.xmin, y: b.ymax },
      ];
    }
    case "rotated_box":
      return corners(label.shape);
    case "polygon":
      return label.shape;
    case "polyline":
      return label.shape.points;
    case "multi_polygon":
    case "multi_polyline":
      return label.shape.flat();
    case "keypoints":
      return label.shape;
    default:
      return [];
  }
}

/** The rings of a label that has an inside. */
export function ringsOf(label: Label): Point[][] {
  switch (label.type) {
    case "box2d":
      return [handlesOf(label)];
    case "rotated_box":
      return [corners(label.shape)];
    case "polygon":
      return [label.shape];
    case "multi_polygon":
      return label.shape;
    default:
      return [];
  }
}

/** The open lines of a label. */
export function linesOf(label: Label): Point[][] {
  if (label.type === "polyline") return [label.shape.points];
  if (label.type === "multi_polyline") return label.shape;
  return [];
}

/** The box around a label; undefined for one without a place in the image. */
export function boxAround(label: Label): Box | undefined {
  switch (label.type) {
    case "box2d":
      return label.shape;
    case "rle":
      return maskBounds(label.shape);
    case "keypoints":
      return boundsOf(label.shape.filter((p) => p.v !== 0));
    default:
      return boundsOf(handlesOf(label)) ?? label.bbox;
  }
}

/** Whether a point of the image hits a label, within `reach` pixels of lines and points. */
export function hits(label: Label, point: Point, reach: number): boolean {
  if (label.type === "rle") return maskHas(label.shape, point);
  if (label.type === "keypoints") {
    return label.shape.some((p) => p.v !== 0 && Math.hypot(p.x - point.x, p.y - point.y) <= reach * 1.5);
  }
  const rings = ringsOf(label);
  if (rings.length > 0) {
    if (rings.filter((ring) => inRing(point, ring)).length % 2 === 1) return true;
    return rings.some((ring) =>
      ring.some((a, i) => distanceToSegment(point, a, ring[(i + 1) % ring.length]!) <= reach),
    );
  }
  return linesOf(label).some((line) =>
    line.some((a, i) => i > 0 && distanceToSegment(point, line[i - 1]!, a) <= reach),
  );
}

/** The label moved by some pixels. Masks and what has no place stay. */
export function moved(label: Label, dx: number, dy: number): Label {
  const at = <P extends Point>(p: P): P => ({ ...p, x: p.x + dx, y: p.y + dy });
  switch (label.type) {
    case "box2d": {
      const b = label.shape;
      return { ...label, shape: { xmin: b.xmin + dx, ymin: b.ymin + dy, xmax: b.xmax + dx, ymax: b.ymax + dy } };
    }
    case "rotated_box":
      return { ...label, shape: { ...label.shape, cx: label.shape.cx + dx, cy: label.shape.cy + dy } };
    case "polygon":
      return { ...label, shape: label.shape.map(at), bbox: undefined };
    case "polyline":
      return { ...label, shape: { ...label.shape, points: label.shape.points.map(at) }, bbox: undefined };
    case "multi_polygon":
    case "multi_polyline":
      return { ...label, shape: label.shape.map((ring) => ring.map(at)), bbox: undefined };
    case "keypoints":
      return { ...label, shape: label.shape.map((p) => (p.v === 0 ? p : at(p))), bbox: undefined };
    default:
      return label;
  }
}

/** The label with handle `index` at another place. */
export function withHandle(label: Label, index: number, to: Point): Label {
  const put = <P extends Point>(points: P[]): P[] =>
    points.map((p, i) => (i === index ? { ...p, x: to.x, y: to.y } : p));
  switch (label.type) {
    case "box2d": {
      const opposite = handlesOf(label)[(index + 2) % 4]!;
      const shape = {
        xmin: Math.min(opposite.x, to.x),
        ymin: Math.min(opposite.y, to.y),
        xmax: Math.max(opposite.x, to.x),
        ymax: Math.max(opposite.y, to.y),
      };
      return { ...label, shape };
    }
    case "rotated_box":
      return { ...label, shape: dragCorner(label.shape, index, to) };
    case "polygon":
      return { ...label, shape: put(label.shape), bbox: undefined };
    case "polyline":
      return { ...label, shape: { ...label.shape, points: put(label.shape.points) }, bbox: undefined };
    case "keypoints":
      return {
        ...label,
        shape: put(label.shape).map((p, i) => (i === index && p.v === 0 ? { ...p, v: 2 } : p)),
        bbox: undefined,
      };
    case "multi_polygon":
    case "multi_polyline": {
      let left = index;
      const shape = label.shape.map((ring) => {
        const mine = left;
        left -= ring.length;
        return mine >= 0 && mine < ring.length ? ring.map((p, i) => (i === mine ? { ...to } : p)) : ring;
      });
      return { ...label, shape, bbox: undefined };
    }
    default:
      return label;
  }
}
