/**
 * Justified layout of very many pictures without measuring: rows of tiles are computed a block of samples at a time, when
 * the block is needed; until then its height is estimated. Positions are in virtual pixels, which may exceed what a
 * browser allows an element (see scroll.ts).
 */
export const BLOCK = 512;

export interface Tile {
  index: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Block {
  tiles: Tile[];
  height: number;
}

export interface LayoutOptions {
  /** Pixels across. */
  width: number;
  /** The height a row aims at. */
  rowHeight: number;
  gap: number;
}

/** Widths by height are kept within these, so that a panorama or a strip stays a tile. */
const MIN_ASPECT = 0.4;
const MAX_ASPECT = 3.2;

/** Rows of tiles for the samples `first..first + aspects.length`, from y = 0. The last row of a block is justified too, unless it is short. */
export function justify(aspects: ArrayLike<number>, first: number, options: LayoutOptions): Block {
  const { width, rowHeight, gap } = options;
  const tiles: Tile[] = [];
  let y = 0;
  let start = 0;
  let sum = 0;
  const close = (end: number, full: boolean) => {
    const room = Math.max(1, width - gap * (end - start - 1));
    const exact = room / sum;
    const height = full ? exact : Math.min(exact, rowHeight);
    let x = 0;
    for (let i = start; i < end; i++) {
      const w = clampAspect(aspects[i]!) * height;
      tiles.push({ index: first + i, x, y, width: w, height });
      x += w + gap;
    }
    y += height + gap;
    start = end;
    sum = 0;
  };
  for (let i = 0; i < aspects.length; i++) {
    const aspect = clampAspect(aspects[i]!);
    const room = width - gap * (i - start);
    if (i > start && (sum + aspect) * rowHeight > room) {
      // Close before or after this tile, whichever brings the row nearer to the height aimed at.
      const after = room / (sum + aspect);
      const before = (width - gap * (i - start - 1)) / sum;
      if (Math.abs(before - rowHeight) < Math.abs(after - rowHeight)) {
        close(i, true);
        sum = aspect;
      } else {
        sum += aspect;
        close(i + 1, true);
      }
    } else {
      sum += aspect;
    }
  }
  if (start < aspects.length) close(aspects.length, false);
  return { tiles, height: y };
}

function clampAspect(aspect: number): number {
  return Number.isFinite(aspect) && aspect > 0 ? Math.min(MAX_ASPECT, Math.max(MIN_ASPECT, aspect)) : 1;
}

/** The layout of `total` samples of which only some blocks are known. Lookups cost O(log blocks); learning a block O(log blocks). */
export class Layout {
  readonly blocks: number;
  private readonly known = new Map<number, Block>();
  /** A Fenwick tree over block heights, so that jumping to row 900,000 needs no walk over a million. */
  private readonly sums: Float64Array;
  private readonly heights: Float64Array;

  constructor(
    readonly total: number,
    readonly options: LayoutOptions,
    typicalAspect = 1.4,
  ) {
    this.blocks = Math.ceil(total / BLOCK);
    this.sums = new Float64Array(this.blocks + 1);
    this.heights = new Float64Array(this.blocks);
    const perRow = Math.max(
      1,
      Math.round((options.width + options.gap) / (options.rowHeight * typicalAspect + options.gap)),
    );
    for (let i = 0; i < this.blocks; i++) {
      const rows = Math.ceil(this.sizeOf(i) / perRow);
      this.setHeight(i, rows * (options.rowHeight + options.gap));
    }
  }

  /** How many samples a block has. */
  sizeOf(block: number): number {
    return Math.min(BLOCK, this.total - block * BLOCK);
  }

  /** All of it, in virtual pixels. */
  get height(): number {
    return this.topOf(this.blocks);
  }

  isKnown(block: number): boolean {
    return this.known.has(block);
  }

  /** Learns a block's aspects; the pixels by which everything below moves. */
  learn(block: number, aspects: ArrayLike<number>): number {
    const made = justify(aspects, block * BLOCK, this.options);
    const before = this.heights[block] ?? 0;
    this.known.set(block, made);
    this.setHeight(block, made.height);
    return made.height - before;
  }

  /** Where a block begins. */
  topOf(block: number): number {
    let sum = 0;
    for (let i = block; i > 0; i -= i & -i) sum += this.sums[i]!;
    return sum;
  }

  /** The block at a height; the last one below the end. */
  blockAt(y: number): number {
    let at = 0;
    let rest = y;
    let step = 1;
    while (step * 2 <= this.blocks) step *= 2;
    for (; step > 0; step >>= 1) {
      const next = at + step;
      if (next <= this.blocks && this.sums[next]! <= rest) {
        at = next;
        rest -= this.sums[next]!;
      }
    }
    return Math.max(0, Math.min(at, this.blocks - 1));
  }

  /** Tiles that touch `top..bottom`, with their absolute places; and the blocks there that are not known yet. */
  window(top: number, bottom: number): { tiles: Tile[]; missing: number[] } {
    const tiles: Tile[] = [];
    const missing: number[] = [];
    if (this.total === 0) return { tiles, missing };
    for (let block = this.blockAt(Math.max(0, top)); block < this.blocks; block++) {
      const offset = this.topOf(block);
      if (offset >= bottom) break;
      const made = this.known.get(block);
      if (!made) {
        missing.push(block);
        continue;
      }
      const from = firstBelow(made.tiles, top - offset);
      for (let i = from; i < made.tiles.length; i++) {
        const tile = made.tiles[i]!;
        if (tile.y + offset >= bottom) break;
        tiles.push({ ...tile, y: tile.y + offset });
      }
    }
    return { tiles, missing };
  }

  /** The tile of a sample, or an estimate of its place when its block is not known. */
  place(index: number): Tile {
    const block = Math.floor(index / BLOCK);
    const offset = this.topOf(block);
    const made = this.known.get(block);
    const tile = made?.tiles[index - block * BLOCK];
    if (tile) return { ...tile, y: tile.y + offset };
    const share = (index - block * BLOCK) / this.sizeOf(block);
    return { index, x: 0, y: offset + share * (this.heights[block] ?? 0), width: 0, height: this.options.rowHeight };
  }

  /** The sample one row of tiles above or below, nearest in x. */
  neighbour(index: number, rows: -1 | 1): number {
    const from = this.place(index);
    const y = rows < 0 ? from.y - this.options.gap - 1 : from.y + from.height + this.options.gap + 1;
    if (y < 0) return index;
    const { tiles } = this.window(y, y + 1);
    const middle = from.x + from.width / 2;
    let best = index;
    let distance = Number.POSITIVE_INFINITY;
    for (const tile of tiles) {
      const d = Math.abs(tile.x + tile.width / 2 - middle);
      if (d < distance) {
        best = tile.index;
        distance = d;
      }
    }
    return best;
  }

  private setHeight(block: number, height: number): void {
    const change = height - this.heights[block]!;
    this.heights[block] = height;
    for (let i = block + 1; i <= this.blocks; i += i & -i) this.sums[i] = this.sums[i]! + change;
  }
}

/** The first tile whose lower edge is below `y`. Rows are in order, so this can be searched. */
function firstBelow(tiles: Tile[], y: number): number {
  let low = 0;
  let high = tiles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tiles[middle]!.y + tiles[middle]!.height <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}
