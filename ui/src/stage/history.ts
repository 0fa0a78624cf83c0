/** Edits as patches that can be taken back, and the stacks of undo and redo. */
import type { Doc, Label } from "./doc";

/** One label of one layer: what it was and what it is. Absent = not there. */
export interface Change {
  layer: string;
  id: number;
  before?: Label;
  after?: Label;
}
export type Patch = readonly Change[];

/** The document after a patch. Layers that it does not touch stay the same objects. */
export function apply(doc: Doc, patch: Patch): Doc {
  const out: Record<string, readonly Label[]> = { ...doc };
  for (const { layer, id, after } of patch) {
    const labels = out[layer] ?? [];
    const at = labels.findIndex((label) => label.id === id);
    if (after === undefined) out[layer] = labels.filter((label) => label.id !== id);
    else if (at < 0) out[layer] = [...labels, after];
    else out[layer] = labels.map((label, i) => (i === at ? after : label));
  }
  return out;
}

/** The patch that takes another one back. */
export function invert(patch: Patch): Patch {
  return patch.map(({ layer, id, before, after }) => ({ layer, id, before: after, after: before })).reverse();
}

/** A label id that its layer does not have. */
export function freeId(doc: Doc, layer: string): number {
  return (doc[layer] ?? []).reduce((max, label) => Math.max(max, label.id), 0) + 1;
}

/** Commands: what somebody does, as a patch. They change nothing themselves. */
export const commands = {
  add(doc: Doc, layer: string, label: Omit<Label, "id">): Patch {
    const id = freeId(doc, layer);
    return [{ layer, id, after: { ...label, id } as Label }];
  },
  replace(doc: Doc, layer: string, after: Label): Patch {
    const before = find(doc, layer, after.id);
    return before ? [{ layer, id: after.id, before, after }] : [];
  },
  remove(doc: Doc, layer: string, ids: readonly number[]): Patch {
    return (doc[layer] ?? []).filter((l) => ids.includes(l.id)).map((before) => ({ layer, id: before.id, before }));
  },
  classify(doc: Doc, layer: string, ids: readonly number[], name: string): Patch {
    return (doc[layer] ?? [])
      .filter((l) => ids.includes(l.id) && l.class !== name)
      .map((before) => ({ layer, id: before.id, before, after: { ...before, class: name } }));
  },
  /** Sets an attribute, or takes it away with `undefined`. */
  attribute(doc: Doc, layer: string, id: number, name: string, value: unknown): Patch {
    const before = find(doc, layer, id);
    if (!before) return [];
    const attributes = { ...before.attributes };
    if (value === undefined) delete attributes[name];
    else attributes[name] = value;
    return [{ layer, id, before, after: { ...before, attributes } }];
  },
  /** Copies a label of one layer into another: taking over a prediction. */
  adopt(doc: Doc, from: string, id: number, into: string): Patch {
    const source = find(doc, from, id);
    if (!source) return [];
    const { confidence: _, ...rest } = source;
    return commands.add(doc, into, rest);
  },
};

function find(doc: Doc, layer: string, id: number): Label | undefined {
  return doc[layer]?.find((label) => label.id === id);
}

/** A document with its undo and redo stacks. Patches with the same `merge` key in a row become one step: a drag, typing. */
export class History {
  private done: { patch: Patch; merge?: string }[] = [];
  private undone: { patch: Patch; merge?: string }[] = [];

  constructor(public doc: Doc) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }
  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  do(patch: Patch, merge?: string): void {
    if (patch.length === 0) return;
    this.doc = apply(this.doc, patch);
    const last = this.done[this.done.length - 1];
    if (merge !== undefined && last?.merge === merge) last.patch = squash(last.patch, patch);
    else this.done.push({ patch, merge });
    this.undone = [];
  }

  /** Later patches make a step of their own. */
  seal(): void {
    const last = this.done[this.done.length - 1];
    if (last) last.merge = undefined;
  }

  undo(): Patch | undefined {
    const step = this.done.pop();
    if (!step) return undefined;
    const back = invert(step.patch);
    this.doc = apply(this.doc, back);
    this.undone.push({ patch: step.patch });
    return back;
  }

  redo(): Patch | undefined {
    const step = this.undone.pop();
    if (!step) return undefined;
    this.doc = apply(this.doc, step.patch);
    this.done.push({ patch: step.patch });
    return step.patch;
  }
}

/** Two patches as one, the first value of each label before and the last after. */
export function squash(first: Patch, second: Patch): Patch {
  const out = new Map<string, Change>();
  for (const change of [...first, ...second]) {
    const key = `${change.id} ${change.layer}`;
    const earlier = out.get(key);
    out.set(key, earlier ? { ...change, before: earlier.before } : change);
  }
  return [...out.values()].filter((change) => change.before || change.after);
}

/** What differs between two documents, as a patch from one to the other. */
export function difference(from: Doc, to: Doc): Patch {
  const out: Change[] = [];
  for (const layer of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (from[layer] === to[layer]) continue;
    const before = new Map((from[layer] ?? []).map((label) => [label.id, label]));
    for (const after of to[layer] ?? []) {
      const was = before.get(after.id);
      before.delete(after.id);
      if (was !== after && JSON.stringify(was) !== JSON.stringify(after))
        out.push({ layer, id: after.id, before: was, after });
    }
    for (const was of before.values()) out.push({ layer, id: was.id, before: was });
  }
  return out;
}
