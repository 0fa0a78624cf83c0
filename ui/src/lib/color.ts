/** Colours of classes: 24 steps, the same for the same name everywhere. The values stand in tokens.css. */
const STEPS = 24;

/** The palette step of a class: FNV-1a of its name. */
export function stepOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % STEPS;
}

/** As a CSS value, for elements. */
export function classVar(name: string | undefined): string {
  return name ? `var(--class-${stepOf(name)})` : "var(--ink-3)";
}

let resolved: { theme: string; values: string[] } | undefined;

/** As a colour, for canvases, which know no CSS variables. */
export function classColor(name: string | undefined): string {
  const root = document.documentElement;
  const theme = root.dataset.theme ?? "";
  if (resolved?.theme !== theme) {
    const style = getComputedStyle(root);
    const values = Array.from({ length: STEPS }, (_, i) => style.getPropertyValue(`--class-${i}`).trim());
    resolved = { theme, values: [...values, style.getPropertyValue("--ink-3").trim()] };
  }
  return resolved.values[name ? stepOf(name) : STEPS]!;
}

/** A token of tokens.css as a colour, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
