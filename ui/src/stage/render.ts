/** Draws labels on a canvas. Shapes of one colour become one path, so that thousands cost a few calls. */
import { classColor } from "../lib/color";
import { boxAround, type Label, linesOf, ringsOf } from "./doc";
import type { Box, Point } from "./geometry";
import { decode, type Rle } from "./mask";
import { toScreen, type Viewport } from "./viewport";

export interface Style {
  /** Labels whose outline is dashed: predictions beside the truth. */
  dashed?: boolean;
  fill?: number;
  width?: number;
  /** One colour for all, instead of by class. */
  color?: string;
  /** Names beside the shapes, while there is room. */
  names?: boolean;
  /** Lines between key points, as pairs of indexes. */
  edges?: readonly (readonly [number, number])[];
}

const masks = new WeakMap<Rle, { color: string; canvas: HTMLCanvasElement | undefined }>();

/** A mask as a picture in one colour, made once. */
function maskPicture(rle: Rle, color: string): HTMLCanvasElement | undefined {
  const known = masks.get(rle);
  if (known?.color === color) return known.canvas;
  const bitmap = decode(rle);
  let canvas: HTMLCanvasElement | undefined;
  if (bitmap) {
    canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const context = canvas.getContext("2d");
    if (context) {
      const image = context.createImageData(bitmap.width, bitmap.height);
      for (let i = 0; i < bitmap.bits.length; i++) image.data[i * 4 + 3] = bitmap.bits[i] ? 255 : 0;
      context.putImageData(image, 0, 0);
      context.globalCompositeOperation = "source-in";
      context.fillStyle = color;
      context.fillRect(0, 0, bitmap.width, bitmap.height);
    }
  }
  masks.set(rle, { color, canvas });
  return canvas;
}

/** Draws labels; `visible` leaves out what is outside of it. */
export function drawLabels(
  context: CanvasRenderingContext2D,
  labels: readonly Label[],
  view: Viewport,
  style: Style,
  visible?: Box,
): void {
  const groups = new Map<string, Label[]>();
  for (const label of labels) {
    if (visible) {
      const box = boxAround(label);
      if (
        !box ||
        box.xmax < visible.xmin ||
        box.ymax < visible.ymin ||
        box.xmin > visible.xmax ||
        box.ymin > visible.ymax
      ) {
        continue;
      }
    }
    const color = style.color ?? classColor(label.class);
    const group = groups.get(color);
    if (group) group.push(label);
    else groups.set(color, [label]);
  }
  context.lineJoin = "round";
  context.lineWidth = style.width ?? 1.5;
  context.setLineDash(style.dashed ? [5, 3] : []);
  for (const [color, group] of groups) {
    const fill = new Path2D();
    const line = new Path2D();
    const boxes = new Path2D();
    for (const label of group) {
      if (label.type === "rle") {
        const picture = maskPicture(label.shape, color);
        if (picture) {
          context.globalAlpha = 0.45;
          context.imageSmoothingEnabled = false;
          context.drawImage(picture, view.x, view.y, label.shape.width * view.scale, label.shape.height * view.scale);
          context.globalAlpha = 1;
        }
      } else if (label.type === "box2d") {
        const { xmin, ymin, xmax, ymax } = label.shape;
        const { scale } = view;
        boxes.rect(xmin * scale + view.x, ymin * scale + view.y, (xmax - xmin) * scale, (ymax - ymin) * scale);
      } else if (label.type === "keypoints") {
        for (const [a, b] of style.edges ?? []) {
          const p = label.shape[a];
          const q = label.shape[b];
          if (p && q && p.v !== 0 && q.v !== 0) addLine(line, [p, q], view, false);
        }
        for (const p of label.shape) {
          if (p.v === 0) continue;
          const at = toScreen(view, p);
          const dot = new Path2D();
          dot.arc(at.x, at.y, 3, 0, 7);
          (p.v === 1 ? line : fill).addPath(dot);
          line.addPath(dot);
        }
      } else {
        for (const ring of ringsOf(label)) {
          addLine(line, ring, view, true);
          addLine(fill, ring, view, true);
        }
        for (const open of linesOf(label)) addLine(line, open, view, false);
      }
    }
    context.fillStyle = color;
    context.strokeStyle = color;
    if (style.fill !== 0) {
      context.globalAlpha = style.fill ?? 0.14;
      context.fill(fill, "evenodd");
      context.fill(boxes);
      context.globalAlpha = 1;
    }
    context.stroke(line);
    context.stroke(boxes);
    if (style.names && labels.length < 400) drawNames(context, group, view, color);
  }
  context.setLineDash([]);
}

function addLine(path: Path2D, points: readonly Point[], view: Viewport, closed: boolean): void {
  points.forEach((p, i) => {
    const at = toScreen(view, p);
    if (i === 0) path.moveTo(at.x, at.y);
    else path.lineTo(at.x, at.y);
  });
  if (closed) path.closePath();
}

function drawNames(context: CanvasRenderingContext2D, labels: readonly Label[], view: Viewport, color: string): void {
  context.font = "450 11px 'Inter Variable', sans-serif";
  context.textBaseline = "middle";
  for (const label of labels) {
    const box = boxAround(label);
    if (!box || !label.class) continue;
    const width = (box.xmax - box.xmin) * view.scale;
    const name = shorten(label.class, 28);
    const text = label.confidence === undefined ? name : `${name} ${label.confidence.toFixed(2)}`;
    if (width < 26) continue;
    const at = toScreen(view, { x: box.xmin, y: box.ymin });
    const wide = context.measureText(text).width + 8;
    const y = at.y >= 16 ? at.y - 16 : at.y;
    context.fillStyle = color;
    context.fillRect(at.x - 0.75, y, wide, 16);
    context.fillStyle = "black";
    context.fillText(text, at.x + 3, y + 8.5);
  }
}

/** At most so many characters, whole ones also of emoji. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${[...text].slice(0, most - 1).join("")}…`;
}

/** The handles of the label that is being edited. */
export function drawHandles(
  context: CanvasRenderingContext2D,
  points: readonly Point[],
  view: Viewport,
  color: string,
): void {
  context.lineWidth = 1.5;
  for (const p of points) {
    const at = toScreen(view, p);
    context.fillStyle = "white";
    context.strokeStyle = color;
    context.beginPath();
    context.rect(at.x - 3.5, at.y - 3.5, 7, 7);
    context.fill();
    context.stroke();
  }
}
