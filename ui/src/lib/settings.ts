/** What this browser remembers of its reader: theme, language, sizes. */
import { create } from "zustand";

export type Theme = "dark" | "light";
export type Language = "en" | "zh";

interface Settings {
  theme: Theme;
  language: Language;
  tile: number;
  overlays: boolean;
  set(part: Partial<Pick<Settings, "theme" | "language" | "tile" | "overlays">>): void;
}

const KEY = "tamis.settings";

function stored(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}

const first = stored();

export const useSettings = create<Settings>((set, get) => ({
  theme: first.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"),
  language: first.language ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
  tile: first.tile ?? 160,
  overlays: first.overlays ?? true,
  set(part) {
    set(part);
    const { theme, language, tile, overlays } = get();
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme, language, tile, overlays }));
    } catch {
      // A browser that keeps nothing still works.
    }
    show();
  },
}));

/** Puts theme and language on the document. */
export function show(): void {
  const { theme, language } = useSettings.getState();
  document.documentElement.dataset.theme = theme;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
