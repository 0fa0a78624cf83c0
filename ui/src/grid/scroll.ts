/**
 * A scroll space larger than a browser's tallest element (16 to 33 million pixels). The element is at most `LIMIT` high; a
 * virtual position is kept beside it. Small scrolls move by real pixels, so wheels and fingers feel as always; jumps of the
 * scrollbar are scaled to the whole.
 */
export const LIMIT = 8_000_000;

export class ScrollSpace {
  /** The virtual position of the top edge, in pixels. */
  top = 0;
  private lastReal = 0;

  constructor(
    public height: number,
    public viewport: number,
  ) {}

  /** The height that the scrolled element gets. */
  get realHeight(): number {
    return Math.min(this.height, LIMIT);
  }

  private get scale(): number {
    const real = this.realHeight - this.viewport;
    return real > 0 ? Math.max(1, (this.height - this.viewport) / real) : 1;
  }

  /** The browser scrolled to `real`; returns where the element's scrollTop should be set, if elsewhere. */
  scrolled(real: number): number | undefined {
    const scale = this.scale;
    if (scale === 1) {
      this.top = real;
      this.lastReal = real;
      return undefined;
    }
    const moved = real - this.lastReal;
    const isJump = Math.abs(moved) > this.viewport * 4;
    this.top = this.clamp(isJump ? real * scale : this.top + moved);
    // The scrollbar drifts from the true share while moving by pixels; put it right when it is off by much, or at the ends.
    const bottom = this.height - this.viewport;
    const atTop = real <= 0;
    const atEnd = atTop || real >= this.realHeight - this.viewport;
    if (atEnd && (atTop ? this.top : bottom - this.top) < this.viewport) this.top = atTop ? 0 : bottom;
    const should = this.top / scale;
    if (Math.abs(should - real) > this.viewport * 2 || (atEnd && Math.abs(should - real) > 1)) {
      this.lastReal = should;
      return should;
    }
    this.lastReal = real;
    return undefined;
  }

  /** Goes to a virtual position; returns the scrollTop for the element. */
  jump(top: number): number {
    this.top = this.clamp(top);
    this.lastReal = this.top / this.scale;
    return this.lastReal;
  }

  private clamp(top: number): number {
    return Math.max(0, Math.min(top, Math.max(0, this.height - this.viewport)));
  }
}
