/** Small edits of filter texts: the language itself is the server's. */

/** A value as a filter writes it, in quotes where it needs them. */
export function quoted(value: string): string {
  return /^[\p{L}\p{N}_./+-]+$/u.test(value) && !value.includes("..") && !/^(AND|OR|NOT)$/.test(value)
    ? value
    : `"${value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

/** The words of a filter at its top level: split at blanks that are not in quotes or brackets. */
export function terms(filter: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let inQuotes = false;
  let now = "";
  for (let i = 0; i < filter.length; i++) {
    const c = filter[i]!;
    if (c === "\\") {
      now += c + (filter[++i] ?? "");
      continue;
    }
    if (c === '"') inQuotes = !inQuotes;
    if (!inQuotes && (c === "(" || c === "[")) depth++;
    if (!inQuotes && (c === ")" || c === "]")) depth--;
    if (!inQuotes && depth <= 0 && /\s/.test(c)) {
      if (now) out.push(now);
      now = "";
    } else now += c;
  }
  if (now) out.push(now);
  return out;
}

/** Whether a filter has `key:value` as a term of its own. */
export function hasTerm(filter: string, key: string, value: string): boolean {
  return terms(filter).includes(`${key}:${quoted(value)}`);
}

/** The filter with the term put in (in place of one with the same key), or taken out when it is there. */
export function toggleTerm(filter: string, key: string, value: string): string {
  const term = `${key}:${quoted(value)}`;
  const now = terms(filter);
  if (now.includes(term)) return now.filter((word) => word !== term).join(" ");
  return [...now.filter((word) => !word.startsWith(`${key}:`)), term].join(" ");
}

/** Keys that a filter knows, for completion. */
export const KEYS = [
  "class:",
  "split:",
  "layer:",
  "type:",
  "conf<",
  "conf>",
  "area<",
  "area>",
  "labels>=",
  "labels=",
  "path:",
  "segment:",
  "mime:",
  "width>",
  "height>",
  "size>",
  "sensor:",
  "frame:",
  "timestamp>=",
  "has:",
  "no:",
  "attr.",
  "view:",
  "unlabelled",
  "labelled",
];

export interface Completion {
  /** What replaces the text from `from` to the caret. */
  text: string;
  from: number;
}

/** What the word before the caret may go on as: a key, or a value of `values` by key. */
export function complete(filter: string, caret: number, values: Record<string, readonly string[]>): Completion[] {
  const before = filter.slice(0, caret);
  const start = Math.max(before.lastIndexOf(" "), before.lastIndexOf("("), before.lastIndexOf("[")) + 1;
  const word = before.slice(start).replace(/^-/, "");
  const from = caret - word.length;
  const colon = word.indexOf(":");
  if (colon > 0) {
    const key = word.slice(0, colon);
    const comma = word.lastIndexOf(",");
    const typed = word
      .slice(Math.max(colon, comma) + 1)
      .replace(/^"/, "")
      .toLowerCase();
    const head = word.slice(0, Math.max(colon, comma) + 1);
    return (values[key] ?? [])
      .filter((value) => value.toLowerCase().includes(typed) && value.toLowerCase() !== typed)
      .slice(0, 12)
      .map((value) => ({ text: head + quoted(value), from }));
  }
  if (word === "") return [];
  return KEYS.filter((key) => key.startsWith(word) && key !== word).map((key) => ({ text: key, from }));
}
