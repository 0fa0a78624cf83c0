/**
 * The stage: an image, the labels on it, and the one that is being drawn or edited. Three canvases over each other, so that
 * moving a handle redraws only the top one. No framework; a page mounts it, gives it documents and hears of patches.
 */
import Flatbush from "flatbush";
import { token } from "../lib/color";
import { boxAround, type Doc, handlesOf, hits, type Label, moved, withHandle } from "./doc";
import { begin, click, type Drawing, type NewShape, shapeOf, unclick } from "./draft";
import { nearestPoint, nearestSegment, type Point, turnHandle } from "./geometry";
import { commands, History, type Patch } from "./history";
import { type Bitmap, decode, emptyBitmap, encode, type Rle, stroke, wand } from "./mask";
import { type Call, isLegal, type Mode, type Tool } from "./modes";
import { drawHandles, drawLabels } from "./render";
import { fitBox, fitImage, pan, shown, toImage, toScreen, type Viewport, zoomAt } from "./viewport";

export interface LayerView {
  name: string;
  shown: boolean;
  /** One colour for all of its labels, instead of by class. */
  color?: string;
  dashed?: boolean;
  /** Colours of single labels by id, as tokens; the others keep their class's. */
  tints?: ReadonlyMap<number, string>;
  /** Labels that are less sure than this are not shown. */
  least?: number;
}

export interface StageState {
  mode: Mode;
  tool: Tool;
  selected: readonly number[];
  doc: Doc;
  canUndo: boolean;
  canRedo: boolean;
  scale: number;
}

export interface StageOptions {
  onChange(state: StageState): void;
  /** A patch became part of the document; to be saved. */
  onPatch(patch: Patch): void;
}

type Picture = HTMLImageElement | HTMLCanvasElement | ImageBitmap | HTMLVideoElement;

const REACH = 7;

export class Stage {
  private readonly canvases: [HTMLCanvasElement, HTMLCanvasElement, HTMLCanvasElement];
  private readonly observer: ResizeObserver;
  private picture: Picture | undefined;
  private size = { width: 1, height: 1 };
  private screen = { width: 1, height: 1 };
  private view: Viewport = { scale: 1, x: 0, y: 0 };
  private fitted = true;
  private history = new History({});
  private layers: LayerView[] = [];
  private active = "truth";
  private mode: Mode = "idle";
  private tool: Tool = "select";
  private className: string | undefined;
  private skeleton = 17;
  private edges: readonly (readonly [number, number])[] = [];
  private selected: number[] = [];
  private hovered: number | undefined;
  private drawing: Drawing | undefined;
  private pointer: Point | undefined;
  private drag: { from: Point; label: Label; handle: number; moved: boolean } | undefined;
  private paint: { bitmap: Bitmap; last: Point; id: number | undefined } | undefined;
  private panFrom: Point | undefined;
  private index: { tree: Flatbush; labels: Label[] } | undefined;
  private dirty = 7;
  private frame = 0;
  private readonly abort = new AbortController();
  brush = 12;
  tolerance = 24;
  hidden = new Set<number>();
  readOnly = false;
  fill = 0.14;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: StageOptions,
  ) {
    const make = () => {
      const canvas = document.createElement("canvas");
      canvas.style.cssText = "position:absolute;inset:0;width:100%;height:100%;touch-action:none";
      canvas.setAttribute("aria-hidden", "true");
      host.append(canvas);
      return canvas;
    };
    this.canvases = [make(), make(), make()];
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(host);
    const on = { signal: this.abort.signal };
    const top = this.canvases[2];
    top.addEventListener("pointerdown", (e) => this.onDown(e), on);
    top.addEventListener("pointermove", (e) => this.onMove(e), on);
    top.addEventListener("pointerup", (e) => this.onUp(e), on);
    top.addEventListener("pointercancel", () => this.cancel(), on);
    top.addEventListener("dblclick", () => this.finish(), on);
    top.addEventListener("contextmenu", (e) => e.preventDefault(), on);
    top.addEventListener("wheel", (e) => this.onWheel(e), { ...on, passive: false });
    this.resized();
  }

  destroy(): void {
    this.abort.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    for (const canvas of this.canvases) canvas.remove();
  }

  // What the page gives.

  setPicture(picture: Picture | undefined, width: number, height: number): void {
    this.picture = picture;
    const same = width === this.size.width && height === this.size.height;
    this.size = { width, height };
    if (!same || this.fitted) this.fitAll();
    this.touch(7);
  }

  /** Another document. A history that already has this very document is kept. */
  load(doc: Doc, active: string): void {
    this.active = active;
    if (this.history.doc === doc) return this.touch(6);
    this.history = new History(doc);
    this.selected = [];
    this.drawing = undefined;
    this.drag = undefined;
    this.paint = undefined;
    this.mode = "idle";
    this.rebuild();
    this.told();
  }

  setLayers(layers: LayerView[], active: string): void {
    this.layers = layers;
    if (active !== this.active) {
      this.active = active;
      this.selected = [];
    }
    this.rebuild();
  }

  setClass(
    name: string | undefined,
    skeleton?: { count: number; edges: readonly (readonly [number, number])[] },
  ): void {
    this.className = name;
    if (skeleton) {
      this.skeleton = skeleton.count;
      this.edges = skeleton.edges;
    }
    this.touch(6);
  }

  setTool(tool: Tool): void {
    if (!isLegal(this.mode, "tool")) return;
    this.drawing = undefined;
    this.mode = "idle";
    this.tool = this.readOnly ? "select" : tool;
    this.canvases[2].style.cursor = this.tool === "select" ? "default" : "crosshair";
    this.touch(4);
    this.told();
  }

  // Calls, from keys and buttons.

  undo(): void {
    if (this.mode === "draw" && this.drawing) {
      this.drawing = unclick(this.drawing);
      if (!this.drawing) this.mode = "idle";
      this.touch(4);
      return this.told();
    }
    if (!this.may("undo")) return;
    const patch = this.history.undo();
    if (patch) this.patched(patch);
  }

  redo(): void {
    if (!this.may("redo")) return;
    const patch = this.history.redo();
    if (patch) this.patched(patch);
  }

  remove(): void {
    if (this.mode === "draw") return this.undo();
    if (this.may("delete") && !this.readOnly)
      this.commit(commands.remove(this.history.doc, this.active, this.selected));
  }

  classify(name: string): void {
    this.className = name;
    if (this.may("classify") && !this.readOnly)
      this.commit(commands.classify(this.history.doc, this.active, this.selected, name));
  }

  setAttribute(id: number, name: string, value: unknown): void {
    if (this.may("classify") && !this.readOnly) {
      this.commit(commands.attribute(this.history.doc, this.active, id, name, value), `attribute ${id} ${name}`);
    }
  }

  /** Any other patch, made by `commands` on this stage's document. */
  commit(patch: Patch, merge?: string): void {
    if (patch.length === 0) return;
    this.history.do(patch, merge);
    this.patched(patch);
  }

  get doc(): Doc {
    return this.history.doc;
  }

  select(ids: readonly number[], show = false): void {
    if (!this.may("select")) return;
    this.selected = [...ids];
    const label = this.labels().find((l) => l.id === ids[0]);
    const box = show && label ? boxAround(label) : undefined;
    if (box && !contains(shown(this.view, this.screen), box)) {
      this.view = fitBox(box, this.screen);
      this.fitted = false;
      this.touch(7);
    }
    this.touch(6);
    this.told();
  }

  /** Selects the next or previous label of the active layer. */
  step(by: 1 | -1): void {
    const labels = this.labels().filter((l) => boxAround(l));
    if (labels.length === 0) return;
    const at = labels.findIndex((l) => l.id === this.selected[0]);
    const next = labels[(at + by + labels.length + (at < 0 && by < 0 ? 1 : 0)) % labels.length];
    if (next) this.select([next.id], true);
  }

  /** Moves the selected labels by image pixels. */
  nudge(dx: number, dy: number): void {
    if (this.mode !== "idle" || this.readOnly) return;
    const patch = this.labels()
      .filter((l) => this.selected.includes(l.id))
      .flatMap((l) => commands.replace(this.history.doc, this.active, moved(l, dx, dy)));
    this.commit(patch, `nudge ${this.selected.join()}`);
  }

  finish(): void {
    if (!isLegal(this.mode, "finish") || !this.drawing) return;
    const shape = shapeOf(this.drawing);
    this.drawing = undefined;
    this.mode = "idle";
    if (shape) this.add(shape);
    else this.touch(4);
    this.told();
  }

  /** Gives up what is going on; else the selection, else the tool. Whether there was something to give up. */
  cancel(): boolean {
    if (this.mode !== "idle") {
      if (this.drag?.moved) {
        const patch = this.history.undo();
        if (patch) this.rebuild();
      }
      this.drawing = undefined;
      this.drag = undefined;
      this.paint = undefined;
      this.mode = "idle";
      this.touch(6);
      this.told();
      return true;
    }
    if (this.selected.length > 0) {
      this.select([]);
      return true;
    }
    if (this.tool !== "select") {
      this.setTool("select");
      return true;
    }
    return false;
  }

  fitAll(): void {
    this.view = fitImage(this.size, this.screen);
    this.fitted = true;
    this.touch(7);
    this.told();
  }

  zoom(factor: number): void {
    if (!this.may("zoom")) return;
    this.view = zoomAt(this.view, { x: this.screen.width / 2, y: this.screen.height / 2 }, factor);
    this.fitted = false;
    this.touch(7);
    this.told();
  }

  redraw(): void {
    this.touch(7);
  }

  // What the pointer does.

  private onDown(event: PointerEvent): void {
    this.host.focus({ preventScroll: true });
    this.canvases[2].setPointerCapture(event.pointerId);
    const screen = this.screenPoint(event);
    if (event.button !== 0 || (event.shiftKey === true && this.tool !== "select")) {
      if (!this.may("pan")) return;
      this.panFrom = screen;
      if (this.mode === "idle") this.mode = "pan";
      return;
    }
    if (!this.may("down")) return;
    const at = toImage(this.view, screen);
    if (this.tool === "select") return this.downSelect(event, screen, at);
    if (this.readOnly) return;
    if (this.tool === "brush" || this.tool === "eraser") return this.downPaint(at);
    if (this.tool === "wand") return this.wandAt(at, event.altKey);
    const point = this.clamp(at);
    if (!this.drawing) {
      this.drawing = begin(this.tool, point, this.skeleton);
      this.mode = "draw";
    } else {
      const next = click(this.drawing, point, (REACH + 3) / this.view.scale);
      this.drawing = next.drawing;
      if (next.done) return this.finish();
    }
    this.pointer = point;
    this.touch(4);
    this.told();
  }

  private downSelect(event: PointerEvent, screen: Point, at: Point): void {
    const chosen = this.labels().find((l) => l.id === this.selected[0]);
    if (chosen && !this.readOnly && this.selected.length === 1) {
      const points = handlesOf(chosen).map((p) => toScreen(this.view, p));
      let handle = nearestPoint(screen, points, REACH);
      if (chosen.type === "rotated_box" && nearestPoint(screen, [this.turnPoint(chosen.shape)], REACH + 2) === 0)
        handle = 100;
      if (handle < 0 && event.altKey) handle = this.insertPoint(chosen, at);
      else if (handle >= 0 && event.altKey) return this.dropPoint(chosen, handle);
      if (handle >= 0) {
        const label = this.labels().find((l) => l.id === chosen.id) ?? chosen;
        this.drag = { from: at, label, handle, moved: false };
        this.mode = "drag";
        return this.told();
      }
    }
    const hit = this.hit(at, event.ctrlKey || event.metaKey);
    if (!hit) {
      if (!event.shiftKey) this.selected = [];
      this.panFrom = screen;
      this.mode = "pan";
    } else {
      if (event.shiftKey) {
        this.selected = this.selected.includes(hit.id)
          ? this.selected.filter((id) => id !== hit.id)
          : [...this.selected, hit.id];
      } else this.selected = [hit.id];
      if (!event.shiftKey && !this.readOnly) {
        this.drag = { from: at, label: hit, handle: -1, moved: false };
        this.mode = "drag";
      }
    }
    this.touch(6);
    this.told();
  }

  private onMove(event: PointerEvent): void {
    const screen = this.screenPoint(event);
    if (this.panFrom) {
      this.view = pan(this.view, screen.x - this.panFrom.x, screen.y - this.panFrom.y);
      this.panFrom = screen;
      this.fitted = false;
      return this.touch(7);
    }
    if (!this.may("move")) return;
    const at = toImage(this.view, screen);
    this.pointer = at;
    if (this.drag) return this.moveDrag(at);
    if (this.paint) {
      stroke(this.paint.bitmap, this.paint.last, at, this.brush, this.tool === "eraser" ? 0 : 1);
      this.paint.last = at;
      return this.touch(4);
    }
    if (this.mode === "idle" && this.tool === "select") {
      const over = this.hit(at, false)?.id;
      if (over !== this.hovered) {
        this.hovered = over;
        this.canvases[2].style.cursor = over === undefined ? "default" : "move";
      }
    }
    this.touch(4);
  }

  private moveDrag(at: Point): void {
    const drag = this.drag!;
    const dx = at.x - drag.from.x;
    const dy = at.y - drag.from.y;
    if (!drag.moved && Math.hypot(dx, dy) * this.view.scale < 3) return;
    let after: Label;
    if (drag.handle === 100 && drag.label.type === "rotated_box") {
      const { cx, cy } = drag.label.shape;
      after = { ...drag.label, shape: { ...drag.label.shape, angle: Math.atan2(at.y - cy, at.x - cx) + Math.PI / 2 } };
    } else if (drag.handle >= 0) after = withHandle(drag.label, drag.handle, this.clamp(at));
    else after = moved(drag.label, dx, dy);
    if (after === drag.label) return;
    const patch = commands.replace(this.history.doc, this.active, after);
    this.history.do(patch, "drag");
    drag.moved = true;
    this.touch(6);
  }

  private onUp(event: PointerEvent): void {
    if (this.panFrom) {
      this.panFrom = undefined;
      if (this.mode === "pan") this.mode = "idle";
      return this.told();
    }
    if (!isLegal(this.mode, "up")) return;
    if (this.drag) {
      const { moved: changed, label } = this.drag;
      this.drag = undefined;
      this.mode = "idle";
      if (changed) {
        this.history.seal();
        const after = this.labels().find((l) => l.id === label.id);
        if (after) this.patched([{ layer: this.active, id: label.id, before: label, after }]);
      }
      return this.told();
    }
    if (this.paint) return this.upPaint();
    // A box may be dragged out as well as clicked.
    if (this.drawing?.tool === "box2d" && this.drawing.points.length === 1) {
      const at = this.clamp(toImage(this.view, this.screenPoint(event)));
      const first = this.drawing.points[0]!;
      if (Math.hypot(at.x - first.x, at.y - first.y) * this.view.scale > 6) {
        this.drawing = { ...this.drawing, points: [first, at] };
        this.finish();
      }
    }
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    if (!this.may("zoom")) return;
    if (event.ctrlKey || event.deltaMode !== 0 || Math.abs(event.deltaY) >= 40 || event.deltaX === 0) {
      this.view = zoomAt(this.view, this.screenPoint(event), Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)));
    } else this.view = pan(this.view, -event.deltaX, -event.deltaY);
    this.fitted = false;
    this.touch(7);
    this.told();
  }

  // Masks.

  private downPaint(at: Point): void {
    const chosen = this.labels().find((l) => this.selected.includes(l.id) && l.type === "rle");
    const bitmap = chosen ? decode(chosen.shape as Rle) : undefined;
    if (this.tool === "eraser" && !bitmap) return;
    this.paint = {
      bitmap: bitmap ?? emptyBitmap(this.size.width, this.size.height),
      last: at,
      id: bitmap ? chosen?.id : undefined,
    };
    this.mode = "paint";
    stroke(this.paint.bitmap, at, at, this.brush, this.tool === "eraser" ? 0 : 1);
    this.touch(4);
    this.told();
  }

  private upPaint(): void {
    const { bitmap, id } = this.paint!;
    this.paint = undefined;
    this.mode = "idle";
    this.putMask(encode(bitmap), id);
  }

  private putMask(shape: Rle, id: number | undefined): void {
    const before = id === undefined ? undefined : this.labels().find((l) => l.id === id);
    if (before)
      this.commit(
        commands.replace(this.history.doc, this.active, { ...before, type: "rle", shape, bbox: undefined } as Label),
      );
    else this.add({ type: "rle", shape });
    this.told();
  }

  /** Adds the region of like colours to the selected mask, or takes it out; a new mask when none is selected. */
  private wandAt(at: Point, takeOut: boolean): void {
    if (!this.picture) return;
    const { width, height } = this.size;
    if (width * height > 64_000_000) return;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return;
    context.drawImage(this.picture, 0, 0, width, height);
    const region = wand(context.getImageData(0, 0, width, height).data, width, height, at, this.tolerance);
    const chosen = this.labels().find((l) => this.selected.includes(l.id) && l.type === "rle");
    const base = chosen ? decode(chosen.shape as Rle) : undefined;
    if (base) {
      for (let i = 0; i < base.bits.length; i++) if (region.bits[i]) base.bits[i] = takeOut ? 0 : 1;
    }
    this.putMask(encode(base ?? region), base ? chosen?.id : undefined);
  }

  // Points of polygons and lines.

  /** Puts a point into the nearest side, when one is near; its handle, or -1. */
  private insertPoint(label: Label, at: Point): number {
    const points = label.type === "polygon" ? label.shape : label.type === "polyline" ? label.shape.points : undefined;
    if (!points) return -1;
    const near = nearestSegment(at, points, label.type === "polygon");
    if (near.index < 0 || near.distance * this.view.scale > REACH) return -1;
    const next = [...points.slice(0, near.index + 1), at, ...points.slice(near.index + 1)];
    this.commit(commands.replace(this.history.doc, this.active, withPoints(label, next)));
    return near.index + 1;
  }

  private dropPoint(label: Label, index: number): void {
    if (label.type === "keypoints") {
      const shape = label.shape.map((p, i) => (i === index ? { ...p, v: p.v === 0 ? 2 : p.v === 2 ? 1 : 0 } : p));
      return this.commit(commands.replace(this.history.doc, this.active, { ...label, shape }));
    }
    const points = label.type === "polygon" ? label.shape : label.type === "polyline" ? label.shape.points : undefined;
    if (!points || points.length <= (label.type === "polygon" ? 3 : 2)) return;
    this.commit(
      commands.replace(
        this.history.doc,
        this.active,
        withPoints(
          label,
          points.filter((_, i) => i !== index),
        ),
      ),
    );
  }

  // Inside.

  private add(shape: NewShape): void {
    const patch = commands.add(this.history.doc, this.active, { ...shape, class: this.className } as Omit<Label, "id">);
    this.selected = patch.map((change) => change.id);
    this.commit(patch);
  }

  private labels(): readonly Label[] {
    return this.history.doc[this.active] ?? [];
  }

  private turnPoint(box: { cx: number; cy: number; width: number; height: number; angle: number }): Point {
    return toScreen(this.view, turnHandle(box, 22 / this.view.scale));
  }

  /** The smallest label under a point; with `next`, the one after the selected among those there. */
  private hit(at: Point, next: boolean): Label | undefined {
    if (!this.index || !this.layers.some((l) => l.name === this.active && l.shown)) return undefined;
    const reach = REACH / this.view.scale;
    const found = this.index.tree
      .search(at.x - reach, at.y - reach, at.x + reach, at.y + reach)
      .map((i) => this.labels().find((l) => l.id === this.index!.labels[i]!.id))
      .filter((l): l is Label => l !== undefined && !this.hidden.has(l.id) && hits(l, at, reach));
    found.sort((a, b) => boxArea(a) - boxArea(b));
    if (!next) return found[0];
    const now = found.findIndex((l) => this.selected.includes(l.id));
    return found[(now + 1) % Math.max(1, found.length)];
  }

  private may(call: Call): boolean {
    return isLegal(this.mode, call);
  }

  private clamp(p: Point): Point {
    return { x: Math.max(0, Math.min(this.size.width, p.x)), y: Math.max(0, Math.min(this.size.height, p.y)) };
  }

  private screenPoint(event: MouseEvent): Point {
    const rect = this.canvases[2].getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  }

  private patched(patch: Patch): void {
    const there = new Set(this.labels().map((l) => l.id));
    this.selected = this.selected.filter((id) => there.has(id));
    this.rebuild();
    this.options.onPatch(patch);
    this.told();
  }

  private rebuild(): void {
    const labels = this.labels().filter((l) => boxAround(l));
    this.index = undefined;
    if (labels.length > 0) {
      const tree = new Flatbush(labels.length);
      for (const label of labels) {
        const box = boxAround(label)!;
        tree.add(box.xmin, box.ymin, box.xmax, box.ymax);
      }
      tree.finish();
      this.index = { tree, labels };
    }
    this.touch(6);
  }

  private told(): void {
    const { mode, tool, selected, history, view } = this;
    this.options.onChange({
      mode,
      tool,
      selected,
      doc: history.doc,
      canUndo: history.canUndo || mode === "draw",
      canRedo: history.canRedo,
      scale: view.scale,
    });
  }

  private resized(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0) return;
    this.screen = { width, height };
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of this.canvases) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (this.fitted) this.view = fitImage(this.size, this.screen);
    this.touch(7);
  }

  /** Asks for canvases to be drawn at the next frame: 1 image, 2 labels, 4 what is active. */
  private touch(which: number): void {
    this.dirty |= which;
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  }

  private draw(): void {
    const dirty = this.dirty;
    this.dirty = 0;
    if (dirty & 1) this.drawImage(this.clear(0));
    if (dirty & 2) this.drawPassive(this.clear(1));
    if (dirty & 4) this.drawActive(this.clear(2));
  }

  private clear(index: 0 | 1 | 2): CanvasRenderingContext2D | null {
    const canvas = this.canvases[index];
    const context = canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    context?.clearRect(0, 0, this.screen.width, this.screen.height);
    return context;
  }

  private drawImage(context: CanvasRenderingContext2D | null): void {
    if (!context || !this.picture) return;
    context.imageSmoothingEnabled = this.view.scale < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      this.picture,
      this.view.x,
      this.view.y,
      this.size.width * this.view.scale,
      this.size.height * this.view.scale,
    );
  }

  private drawPassive(context: CanvasRenderingContext2D | null): void {
    if (!context) return;
    const visible = shown(this.view, this.screen);
    for (const layer of this.layers) {
      if (!layer.shown) continue;
      const isActive = layer.name === this.active;
      const labels = (this.history.doc[layer.name] ?? []).filter(
        (l) =>
          (l.confidence ?? 1) >= (layer.least ?? 0) &&
          !(isActive && (this.hidden.has(l.id) || this.selected.includes(l.id))),
      );
      const style = { dashed: layer.dashed, color: layer.color, fill: this.fill, names: true, edges: this.edges };
      const plain = layer.tints ? labels.filter((l) => !layer.tints?.has(l.id)) : labels;
      drawLabels(context, plain, this.view, style, visible);
      for (const tint of new Set(layer.tints?.values())) {
        const some = labels.filter((l) => layer.tints?.get(l.id) === tint);
        // What is right needs no name; what is wrong does.
        const names = tint !== "--good";
        drawLabels(context, some, this.view, { ...style, color: token(tint), names }, visible);
      }
    }
  }

  private drawActive(context: CanvasRenderingContext2D | null): void {
    if (!context) return;
    const accent = token("--accent");
    const chosen = this.labels().filter((l) => this.selected.includes(l.id) && !this.paintsOver(l));
    if (this.layers.some((l) => l.name === this.active && l.shown)) {
      drawLabels(context, chosen, this.view, { fill: 0.28, width: 2.5, names: true, edges: this.edges });
      const one = chosen.length === 1 ? chosen[0] : undefined;
      if (one && !this.readOnly) {
        drawHandles(context, handlesOf(one), this.view, accent);
        if (one.type === "rotated_box") {
          const at = toImage(this.view, this.turnPoint(one.shape));
          drawHandles(context, [at], this.view, accent);
        }
      }
    }
    if (this.drawing) {
      const shape = shapeOf(this.drawing, this.drawing.tool === "keypoints" ? undefined : this.pointer);
      const label = (shape ?? {
        type: "polyline",
        shape: { points: [...this.drawing.points, this.pointer ?? this.drawing.points[0]!] },
      }) as Label;
      drawLabels(context, [{ ...label, id: 0, class: this.className } as Label], this.view, {
        fill: 0.12,
        edges: this.edges,
      });
      drawHandles(context, this.drawing.points, this.view, accent);
    }
    if (this.paint) this.drawPaint(context, accent);
    if (this.pointer && (this.tool === "brush" || this.tool === "eraser")) {
      const at = toScreen(this.view, this.pointer);
      context.strokeStyle = accent;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(at.x, at.y, this.brush * this.view.scale, 0, 7);
      context.stroke();
    } else if (this.pointer && this.tool !== "select" && this.mode === "idle") this.drawCross(context);
  }

  private drawCross(context: CanvasRenderingContext2D): void {
    const at = toScreen(this.view, this.pointer!);
    context.strokeStyle = token("--ink-3");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, Math.round(at.y) + 0.5);
    context.lineTo(this.screen.width, Math.round(at.y) + 0.5);
    context.moveTo(Math.round(at.x) + 0.5, 0);
    context.lineTo(Math.round(at.x) + 0.5, this.screen.height);
    context.stroke();
  }

  private paintsOver(label: Label): boolean {
    return this.paint !== undefined && this.paint.id === label.id;
  }

  private paintCanvas: HTMLCanvasElement | undefined;

  private drawPaint(context: CanvasRenderingContext2D, color: string): void {
    const { bitmap } = this.paint!;
    this.paintCanvas ??= document.createElement("canvas");
    const canvas = this.paintCanvas;
    if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
    if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
    const inner = canvas.getContext("2d");
    if (!inner) return;
    const image = inner.createImageData(bitmap.width, bitmap.height);
    for (let i = 0; i < bitmap.bits.length; i++) image.data[i * 4 + 3] = bitmap.bits[i] ? 255 : 0;
    inner.putImageData(image, 0, 0);
    inner.globalCompositeOperation = "source-in";
    inner.fillStyle = color;
    inner.fillRect(0, 0, canvas.width, canvas.height);
    inner.globalCompositeOperation = "source-over";
    context.globalAlpha = 0.5;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      canvas,
      this.view.x,
      this.view.y,
      bitmap.width * this.view.scale,
      bitmap.height * this.view.scale,
    );
    context.globalAlpha = 1;
  }
}

function withPoints(label: Label, points: Point[]): Label {
  if (label.type === "polygon") return { ...label, shape: points, bbox: undefined };
  if (label.type === "polyline") return { ...label, shape: { ...label.shape, points }, bbox: undefined };
  return label;
}

function boxArea(label: Label): number {
  const b = boxAround(label);
  return b ? (b.xmax - b.xmin) * (b.ymax - b.ymin) : Number.POSITIVE_INFINITY;
}

function contains(outer: { xmin: number; ymin: number; xmax: number; ymax: number }, inner: typeof outer): boolean {
  return inner.xmin >= outer.xmin && inner.ymin >= outer.ymin && inner.xmax <= outer.xmax && inner.ymax <= outer.ymax;
}
