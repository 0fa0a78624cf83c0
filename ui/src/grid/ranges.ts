/**
 * A selection of rows as sorted, disjoint, half-open ranges. "All 812,344 but 3" is four numbers a gap, never a list of ids.
 * Every function is pure; costs are linear in the number of ranges, lookups logarithmic.
 */
export type Range = readonly [begin: number, end: number];
export type Ranges = readonly Range[];

export const none: Ranges = [];

/** Rows `begin..end`; nothing when empty. */
export function range(begin: number, end: number): Ranges {
  return end > begin ? [[begin, end]] : none;
}

/** How many rows are selected. */
export function count(ranges: Ranges): number {
  let sum = 0;
  for (const [begin, end] of ranges) sum += end - begin;
  return sum;
}

/** Whether a row is selected. */
export function has(ranges: Ranges, row: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] <= row) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]![0] <= row;
}

/** Rows of either. */
export function union(a: Ranges, b: Ranges): Ranges {
  const all = [...a, ...b].sort((x, y) => x[0] - y[0]);
  const out: [number, number][] = [];
  for (const [begin, end] of all) {
    const last = out[out.length - 1];
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else if (end > begin) out.push([begin, end]);
  }
  return out;
}

/** Rows of `a` that are not in `b`. */
export function minus(a: Ranges, b: Ranges): Ranges {
  const out: Range[] = [];
  for (const [begin, end] of a) {
    let from = begin;
    for (const [cut, until] of b) {
      if (until <= from || cut >= end) continue;
      if (cut > from) out.push([from, cut]);
      from = Math.max(from, until);
    }
    if (from < end) out.push([from, end]);
  }
  return out;
}

/** The row taken out when it is in, else put in. */
export function toggle(ranges: Ranges, row: number): Ranges {
  const one = range(row, row + 1);
  return has(ranges, row) ? minus(ranges, one) : union(ranges, one);
}

/** The rows that are not selected, of `total`. */
export function invert(ranges: Ranges, total: number): Ranges {
  return minus(range(0, total), ranges);
}
