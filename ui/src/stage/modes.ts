/**
 * What the stage can be doing, and which calls are legal then. Everything that reaches the stage goes through `next`; a call
 * that is not in the table of the present mode does nothing.
 */
export type Mode = "idle" | "pan" | "draw" | "drag" | "paint";

export type Call =
  | "down"
  | "move"
  | "up"
  | "pan"
  | "zoom"
  | "tool"
  | "finish"
  | "cancel"
  | "delete"
  | "classify"
  | "undo"
  | "redo"
  | "select"
  | "load";

/** Drawing goes on over several clicks, so it may be zoomed and panned meanwhile; dragging and painting end with the button. */
export const LEGAL: Record<Mode, ReadonlySet<Call>> = {
  idle: new Set([
    "down",
    "move",
    "pan",
    "zoom",
    "tool",
    "delete",
    "classify",
    "undo",
    "redo",
    "select",
    "load",
    "cancel",
  ]),
  pan: new Set(["move", "up", "zoom", "cancel"]),
  draw: new Set(["down", "move", "up", "pan", "zoom", "finish", "cancel", "delete", "classify", "tool"]),
  drag: new Set(["move", "up", "cancel"]),
  paint: new Set(["move", "up", "cancel"]),
};

export function isLegal(mode: Mode, call: Call): boolean {
  return LEGAL[mode].has(call);
}

export const TOOLS = [
  { name: "select", key: "v" },
  { name: "box2d", key: "b" },
  { name: "rotated_box", key: "r" },
  { name: "polygon", key: "p" },
  { name: "polyline", key: "l" },
  { name: "keypoints", key: "k" },
  { name: "brush", key: "m" },
  { name: "eraser", key: "e" },
  { name: "wand", key: "w" },
] as const;

export type Tool = (typeof TOOLS)[number]["name"];
