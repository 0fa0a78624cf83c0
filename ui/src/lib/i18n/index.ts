/** Words in the reader's language. Chinese is loaded when it is asked for. */
import { useCallback, useSyncExternalStore } from "react";
import { useSettings } from "../settings";
import { en, type Word } from "./en";
import { say, type Words } from "./say";

export type { Word };

let chinese: Words | undefined;
const listeners = new Set<() => void>();

/** Loads the words of a language; at once for English. */
export async function loadWords(language: string): Promise<void> {
  if (language !== "zh" || chinese) return;
  chinese = (await import("./zh")).zh;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The function that gives words in the present language. */
export function useWords(): (key: Word, parts?: Record<string, string | number>) => string {
  const language = useSettings((s) => s.language);
  const loaded = useSyncExternalStore(subscribe, () => chinese);
  const words: Words = language === "zh" && loaded ? loaded : en;
  return useCallback((key, parts) => say(words, key, parts), [words]);
}
