/** Words with their parts filled in. */
import type { Word } from "./en";

export type Words = Readonly<Record<Word, string>>;

/** The word of a key with its `{parts}` filled in. */
export function say(words: Words, key: Word, parts?: Record<string, string | number>): string {
  const text = words[key];
  return parts ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parts[name] ?? whole)) : text;
}
