/** Where the image is on the screen: a scale and a shift. Pure. */
import type { Box, Point } from "./geometry";

export interface Viewport {
  /** Screen pixels an image pixel takes. */
  scale: number;
  /** Where the image's upper left corner is on the screen. */
  x: number;
  y: number;
}

export const MIN_SCALE = 0.005;
export const MAX_SCALE = 64;

/** The whole image in the middle of the screen, with a margin; never enlarged more than four times. */
export function fitImage(
  image: { width: number; height: number },
  screen: { width: number; height: number },
  margin = 16,
): Viewport {
  const room = { width: Math.max(1, screen.width - 2 * margin), height: Math.max(1, screen.height - 2 * margin) };
  const scale = clampScale(Math.min(room.width / Math.max(1, image.width), room.height / Math.max(1, image.height), 4));
  return { scale, x: (screen.width - image.width * scale) / 2, y: (screen.height - image.height * scale) / 2 };
}

/** A box of the image, as large as the screen allows. */
export function fitBox(box: Box, screen: { width: number; height: number }): Viewport {
  const width = Math.max(1, box.xmax - box.xmin);
  const height = Math.max(1, box.ymax - box.ymin);
  const scale = clampScale(Math.min((screen.width * 0.6) / width, (screen.height * 0.6) / height, 16));
  return {
    scale,
    x: screen.width / 2 - ((box.xmin + box.xmax) / 2) * scale,
    y: screen.height / 2 - ((box.ymin + box.ymax) / 2) * scale,
  };
}

/** Zoomed by a factor, the point of the screen under the pointer kept. */
export function zoomAt(view: Viewport, at: Point, factor: number): Viewport {
  const scale = clampScale(view.scale * factor);
  const real = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real };
}

export function pan(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

export function toImage(view: Viewport, p: Point): Point {
  return { x: (p.x - view.x) / view.scale, y: (p.y - view.y) / view.scale };
}

export function toScreen(view: Viewport, p: Point): Point {
  return { x: p.x * view.scale + view.x, y: p.y * view.scale + view.y };
}

/** The part of the image that the screen shows. */
export function shown(view: Viewport, screen: { width: number; height: number }): Box {
  const a = toImage(view, { x: 0, y: 0 });
  const b = toImage(view, { x: screen.width, y: screen.height });
  return { xmin: a.x, ymin: a.y, xmax: b.x, ymax: b.y };
}

function clampScale(scale: number): number {
  return Math.max(MIN_SCALE, Math.min(MAX_SCALE, scale));
}
