/** Single keys and their lists: every page says which it has, and `?` shows them. */
import { useEffect } from "react";
import { create } from "zustand";

export interface Shortcut {
  /** As `event.key`, with `mod+` and `shift+` before it: `mod+k`, `?`, `ArrowLeft`. */
  keys: string;
  name: string;
  run(event: KeyboardEvent): void;
  /** Also while typing. */
  typing?: boolean;
}

interface Known {
  groups: { id: number; title: string; shortcuts: Shortcut[] }[];
  put(id: number, title: string, shortcuts: Shortcut[]): void;
  drop(id: number): void;
}

export const useKnownShortcuts = create<Known>((set) => ({
  groups: [],
  put: (id, title, shortcuts) =>
    set((s) => ({ groups: [...s.groups.filter((g) => g.id !== id), { id, title, shortcuts }] })),
  drop: (id) => set((s) => ({ groups: s.groups.filter((g) => g.id !== id) })),
}));

let last = 0;

/** The written form of a key press. */
export function written(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  const shift = event.shiftKey && (event.key.length > 1 || mod) ? "shift+" : "";
  return `${mod}${shift}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
}

/** Listens for shortcuts while the component is mounted. Later ones come first. */
export function useShortcuts(title: string, shortcuts: Shortcut[]): void {
  useEffect(() => {
    const id = ++last;
    useKnownShortcuts.getState().put(id, title, shortcuts);
    return () => useKnownShortcuts.getState().drop(id);
  }, [title, shortcuts]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** One listener for all pages. */
export function listen(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (document.querySelector("[role=dialog]") && event.key !== "Escape") {
      if (!(event.ctrlKey || event.metaKey)) return;
    }
    const keys = written(event);
    const { groups } = useKnownShortcuts.getState();
    for (const group of [...groups].reverse()) {
      for (const shortcut of group.shortcuts) {
        if (shortcut.keys !== keys || (isTyping(event.target) && !shortcut.typing)) continue;
        event.preventDefault();
        shortcut.run(event);
        return;
      }
    }
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}

/** How a key is shown. */
export function shownKeys(keys: string): string {
  const mac = globalThis.navigator?.platform?.startsWith("Mac") ?? false;
  return keys
    .split(/\+(?=.)/)
    .map((part) =>
      part === "mod"
        ? mac
          ? "⌘"
          : "Ctrl"
        : part === "shift"
          ? "⇧"
          : (ARROWS[part] ?? (part.length === 1 ? part.toUpperCase() : part)),
    )
    .join(mac ? "" : " ");
}

const ARROWS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  " ": "Space",
  Escape: "Esc",
};
