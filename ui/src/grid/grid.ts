/**
 * The sample grid: justified tiles of any number of samples, about a hundred elements alive at a time. No framework.
 *
 * The page gives rows by position (in blocks); the grid asks for the blocks it shows, draws labels on one canvas a tile, and
 * tells of the selection as ranges.
 */
import { BLOCK, Layout, type Tile } from "./layout";
import { has, none, type Ranges, range, toggle, union } from "./ranges";
import { ScrollSpace } from "./scroll";

/** What the grid needs to know of one sample. */
export interface GridRow {
  path: string;
  /** Width by height. */
  aspect: number;
  /** The thumbnail at a height of so many pixels; undefined when there is none. */
  thumb(height: number): string | undefined;
  /** What the tile says where there is no picture. */
  kind: string;
  caption?: string;
}

export interface GridOptions {
  /** Rows of a block, once they are there; undefined while they are fetched (ask again by `refresh`). */
  rows(block: number): readonly GridRow[] | undefined;
  /** Draws the labels of a sample over its tile. */
  overlay?(context: CanvasRenderingContext2D, row: GridRow, index: number, width: number, height: number): void;
  onSelect(ranges: Ranges): void;
  onFocus(index: number): void;
  onOpen(index: number): void;
  /** What the grid shows, for the status line. */
  onWindow?(first: number, last: number): void;
}

interface Live {
  element: HTMLDivElement;
  image: HTMLImageElement;
  canvas: HTMLCanvasElement;
  caption: HTMLSpanElement;
  index: number;
  key: string;
  state: string;
  path: string;
}

/** Screens a second above which no pictures are asked for. */
const FAST = 3;

export class Grid {
  private readonly scroller: HTMLDivElement;
  private readonly spacer: HTMLDivElement;
  private readonly plane: HTMLDivElement;
  private readonly observer: ResizeObserver;
  private readonly space = new ScrollSpace(0, 1);
  private readonly abort = new AbortController();
  private layout = new Layout(0, { width: 1, rowHeight: 1, gap: 3 });
  private live = new Map<number, Live>();
  private pool: Live[] = [];
  private selection: Ranges = none;
  private focus = 0;
  private anchor = 0;
  private frame = 0;
  private lastTop = 0;
  private lastTime = 0;
  private speed = 0;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private total = 0;
  /** The sample to be shown once its block is known: until then its place is an estimate. */
  private goal: number | undefined;
  private rowHeight: number;
  private overlays = true;
  private rightToLeft = false;

  constructor(
    host: HTMLElement,
    private readonly options: GridOptions,
    rowHeight = 160,
  ) {
    this.rowHeight = rowHeight;
    this.scroller = document.createElement("div");
    this.scroller.className = "grid-scroller";
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "listbox");
    this.scroller.setAttribute("aria-multiselectable", "true");
    this.spacer = document.createElement("div");
    this.plane = document.createElement("div");
    this.plane.className = "grid-plane";
    this.plane.setAttribute("role", "presentation");
    this.spacer.append(this.plane);
    this.spacer.setAttribute("role", "presentation");
    this.scroller.append(this.spacer);
    host.append(this.scroller);
    const on = { signal: this.abort.signal };
    this.scroller.addEventListener("scroll", () => this.onScroll(), { ...on, passive: true });
    this.scroller.addEventListener("keydown", (e) => this.onKey(e), on);
    this.scroller.addEventListener("click", (e) => this.onClick(e), on);
    this.scroller.addEventListener("dblclick", (e) => this.onDouble(e), on);
    this.observer = new ResizeObserver(() => this.relayout());
    this.observer.observe(this.scroller);
  }

  destroy(): void {
    this.abort.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.settle);
    this.scroller.remove();
  }

  set label(text: string) {
    this.scroller.setAttribute("aria-label", text);
  }

  /** Another result: so many samples. Goes to `index`. */
  setTotal(total: number, index = 0): void {
    this.total = total;
    this.focus = Math.min(index, Math.max(0, total - 1));
    this.anchor = this.focus;
    this.selection = none;
    this.goal = this.focus > 0 ? this.focus : undefined;
    this.relayout(this.focus);
  }

  setRowHeight(pixels: number): void {
    if (pixels === this.rowHeight) return;
    this.rowHeight = pixels;
    this.relayout(this.focus);
  }

  setOverlays(shown: boolean): void {
    this.overlays = shown;
    for (const tile of this.live.values()) tile.key = "";
    this.schedule();
  }

  setSelection(ranges: Ranges): void {
    this.selection = ranges;
    this.schedule();
  }

  /** Rows came in, or changed. */
  refresh(changed = false): void {
    if (changed) for (const tile of this.live.values()) tile.key = "";
    this.schedule();
  }

  jump(index: number): void {
    this.moveFocus(index, false);
    this.goal = index;
    this.show(index, true);
  }

  focusElement(): void {
    this.scroller.focus({ preventScroll: true });
  }

  private relayout(keep?: number): void {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    if (width === 0) return;
    const first = keep ?? this.goal ?? this.firstShown();
    this.rightToLeft = getComputedStyle(this.scroller).direction === "rtl";
    this.layout = new Layout(this.total, { width: width - 8, rowHeight: this.rowHeight, gap: 3 });
    this.space.viewport = height;
    this.space.height = this.layout.height;
    for (const tile of this.live.values()) this.retire(tile);
    this.live.clear();
    this.sizeSpacer();
    const top = first > 0 ? this.layout.place(first).y - 4 : 0;
    this.scroller.scrollTop = this.space.jump(top);
    this.schedule();
  }

  private firstShown(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const [index, tile] of this.live) if (tile.index >= 0) first = Math.min(first, index);
    return Number.isFinite(first) ? first : 0;
  }

  private sizeSpacer(): void {
    this.space.height = this.layout.height;
    this.spacer.style.height = `${this.space.realHeight}px`;
  }

  private onScroll(): void {
    const fixed = this.space.scrolled(this.scroller.scrollTop);
    if (fixed !== undefined) this.scroller.scrollTop = fixed;
    const now = performance.now();
    const passed = Math.max(8, now - this.lastTime);
    this.speed = (Math.abs(this.space.top - this.lastTop) / this.space.viewport / passed) * 1000;
    this.lastTop = this.space.top;
    this.lastTime = now;
    clearTimeout(this.settle);
    this.settle = setTimeout(() => {
      this.speed = 0;
      this.schedule();
    }, 90);
    this.schedule();
  }

  private schedule(): void {
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.render();
      });
    }
  }

  private render(): void {
    const over = this.space.viewport * 0.5;
    const from = this.space.top - over;
    const to = this.space.top + this.space.viewport + over;
    // Blocks are learnt as their rows come; what is above the window must not move it.
    for (let round = 0; round < 4; round++) {
      const { missing } = this.layout.window(from, to);
      let learnt = false;
      for (const block of missing) {
        const rows = this.options.rows(block);
        if (!rows) continue;
        const above = this.layout.topOf(block) < this.space.top && this.layout.topOf(block + 1) <= this.space.top;
        const moved = this.layout.learn(
          block,
          rows.map((row) => row.aspect),
        );
        this.sizeSpacer();
        if (above && moved !== 0) this.scroller.scrollTop = this.space.jump(this.space.top + moved);
        learnt = true;
      }
      if (!learnt) break;
    }
    if (this.goal !== undefined && this.layout.isKnown(Math.floor(this.goal / BLOCK))) {
      const { goal } = this;
      this.goal = undefined;
      this.show(goal, true);
      return;
    }
    const { tiles } = this.layout.window(from, to);
    const wanted = new Set(tiles.map((tile) => tile.index));
    for (const [index, tile] of this.live) {
      if (!wanted.has(index)) {
        this.retire(tile);
        this.live.delete(index);
      }
    }
    for (const tile of tiles) this.place(tile);
    // The plane stays where the window is; tiles are placed from it, so that coordinates stay small.
    this.plane.style.transform = `translateY(${this.scroller.scrollTop - this.space.top}px)`;
    const first = tiles.find((t) => t.y + t.height > this.space.top);
    if (first)
      this.options.onWindow?.(
        first.index,
        tiles.findLast((t) => t.y < this.space.top + this.space.viewport)?.index ?? first.index,
      );
  }

  private place(tile: Tile): void {
    const block = Math.floor(tile.index / BLOCK);
    const row = this.options.rows(block)?.[tile.index - block * BLOCK];
    if (!row) return;
    let live = this.live.get(tile.index);
    if (!live) {
      live = this.pool.pop() ?? this.make();
      live.index = tile.index;
      live.element.id = `tile-${tile.index}`;
      this.live.set(tile.index, live);
      this.plane.append(live.element);
    }
    const { element } = live;
    const x = this.rightToLeft ? -tile.x - 4 : tile.x + 4;
    const selected = has(this.selection, tile.index);
    const state = `${x} ${tile.y} ${selected} ${tile.index === this.focus}`;
    if (live.state !== state) {
      live.state = state;
      element.style.transform = `translate(${x}px, ${tile.y + 4}px)`;
      element.classList.toggle("is-selected", selected);
      element.classList.toggle("is-focus", tile.index === this.focus);
      element.setAttribute("aria-selected", String(selected));
    }
    const key = `${row.path} ${tile.width.toFixed(1)} ${tile.height.toFixed(1)}`;
    if (live.key === key) {
      if (!live.image.src && this.speed < FAST) this.loadPicture(live, row, tile);
      return;
    }
    live.key = key;
    element.style.width = `${tile.width}px`;
    element.style.height = `${tile.height}px`;
    element.setAttribute("aria-label", row.caption ? `${row.path} ${row.caption}` : row.path);
    element.title = row.path;
    live.caption.textContent = row.thumb(1) ? (row.caption ?? "") : `${row.kind} ${row.path.split("/").at(-1)}`;
    live.caption.hidden = live.caption.textContent === "";
    if (live.path !== row.path) {
      live.path = row.path;
      live.image.removeAttribute("src");
      live.image.classList.remove("is-there");
    }
    if (this.speed < FAST) this.loadPicture(live, row, tile);
    this.drawOverlay(live, row, tile);
  }

  private loadPicture(live: Live, row: GridRow, tile: Tile): void {
    const url = row.thumb(tile.height * (window.devicePixelRatio || 1));
    if (url && live.image.getAttribute("src") !== url) live.image.src = url;
  }

  private drawOverlay(live: Live, row: GridRow, tile: Tile): void {
    const ratio = window.devicePixelRatio || 1;
    const { canvas } = live;
    const shown = this.overlays && this.options.overlay !== undefined;
    canvas.hidden = !shown;
    if (!shown) return;
    canvas.width = Math.max(1, Math.round(tile.width * ratio));
    canvas.height = Math.max(1, Math.round(tile.height * ratio));
    const context = canvas.getContext("2d");
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (context) this.options.overlay?.(context, row, tile.index, tile.width, tile.height);
  }

  private make(): Live {
    const element = document.createElement("div");
    element.className = "grid-tile";
    element.setAttribute("role", "option");
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    image.draggable = false;
    image.addEventListener("load", () => image.classList.add("is-there"));
    image.addEventListener("error", () => element.classList.add("is-broken"));
    const canvas = document.createElement("canvas");
    const caption = document.createElement("span");
    element.append(image, canvas, caption);
    return { element, image, canvas, caption, index: -1, key: "", state: "", path: "" };
  }

  private retire(live: Live): void {
    live.element.remove();
    live.element.classList.remove("is-broken");
    live.image.removeAttribute("src");
    live.image.classList.remove("is-there");
    live.index = -1;
    live.key = "";
    live.state = "";
    live.path = "";
    if (this.pool.length < 200) this.pool.push(live);
  }

  private onClick(event: MouseEvent): void {
    const index = this.indexOf(event.target);
    if (index === undefined) return;
    if (event.shiftKey) {
      const [a, b] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
      this.choose(union(event.ctrlKey || event.metaKey ? this.selection : none, range(a, b + 1)));
      this.moveFocus(index, true);
    } else if (event.ctrlKey || event.metaKey) {
      this.choose(toggle(this.selection, index));
      this.moveFocus(index, false);
    } else {
      this.moveFocus(index, false);
      this.options.onFocus(index);
    }
  }

  private onDouble(event: MouseEvent): void {
    const index = this.indexOf(event.target);
    if (index !== undefined) this.options.onOpen(index);
  }

  private indexOf(target: EventTarget | null): number | undefined {
    const tile = target instanceof Element ? target.closest(".grid-tile") : null;
    return tile ? Number(tile.id.slice("tile-".length)) : undefined;
  }

  private onKey(event: KeyboardEvent): void {
    if (this.total === 0 || event.altKey) return;
    const all = event.ctrlKey || event.metaKey;
    const step = (to: number) => {
      event.preventDefault();
      const index = Math.max(0, Math.min(this.total - 1, to));
      if (event.shiftKey)
        this.choose(union(this.selection, range(Math.min(this.anchor, index), Math.max(this.anchor, index) + 1)));
      this.moveFocus(index, event.shiftKey);
      if (!this.layout.isKnown(Math.floor(index / BLOCK))) this.goal = index;
      this.show(index, false);
    };
    const page = Math.max(1, Math.floor(this.space.viewport / (this.rowHeight + 3)));
    switch (event.key) {
      case "ArrowRight":
        return step(this.focus + 1);
      case "ArrowLeft":
        return step(this.focus - 1);
      case "ArrowDown":
        return step(this.layout.neighbour(this.focus, 1));
      case "ArrowUp":
        return step(this.layout.neighbour(this.focus, -1));
      case "Home":
        return step(0);
      case "End":
        return step(this.total - 1);
      case "PageDown":
      case "PageUp": {
        let index = this.focus;
        for (let i = 0; i < page; i++) index = this.layout.neighbour(index, event.key === "PageDown" ? 1 : -1);
        return step(index);
      }
      case " ":
        event.preventDefault();
        this.anchor = this.focus;
        return this.choose(toggle(this.selection, this.focus));
      case "Enter":
        event.preventDefault();
        return this.options.onOpen(this.focus);
      case "a":
        if (!all) return;
        event.preventDefault();
        return this.choose(range(0, this.total));
      case "Escape":
        if (this.selection.length > 0) {
          event.preventDefault();
          event.stopPropagation();
          this.choose(none);
        }
        return;
    }
  }

  private choose(ranges: Ranges): void {
    this.selection = ranges;
    this.options.onSelect(ranges);
    this.schedule();
  }

  private moveFocus(index: number, keepAnchor: boolean): void {
    this.focus = index;
    if (!keepAnchor) this.anchor = index;
    this.scroller.setAttribute("aria-activedescendant", `tile-${index}`);
    this.options.onFocus(index);
    this.schedule();
  }

  private show(index: number, middle: boolean): void {
    const tile = this.layout.place(index);
    const { top, viewport } = this.space;
    if (middle) this.scroller.scrollTop = this.space.jump(tile.y - viewport / 3);
    else if (tile.y < top) this.scroller.scrollTop = this.space.jump(tile.y - 4);
    else if (tile.y + tile.height + 8 > top + viewport)
      this.scroller.scrollTop = this.space.jump(tile.y + tile.height + 8 - viewport);
    this.schedule();
  }
}
