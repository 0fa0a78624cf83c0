/**
 * The draft of a branch: edits that are not committed yet. They are kept in this browser at once, so that a closed tab or a
 * server that went away loses nothing, and become one commit when somebody says why.
 */
import { useEffect } from "react";
import { create } from "zustand";
import { keep } from "../lib/keep";
import { type Patch, squash } from "../stage/history";
import { api } from "./client";
import { queries } from "./hooks";

interface Kept {
  /** The commit that was edited. */
  base: string;
  patches: Record<string, Patch>;
}

interface Drafts {
  drafts: Record<string, Kept | undefined>;
  isLoaded: Record<string, boolean>;
  isKept: boolean;
  set(key: string, draft: Kept | undefined): void;
}

const useDrafts = create<Drafts>((set) => ({
  drafts: {},
  isLoaded: {},
  isKept: true,
  set(key, draft) {
    set((s) => ({ drafts: { ...s.drafts, [key]: draft }, isLoaded: { ...s.isLoaded, [key]: true } }));
    (draft ? keep.put(`draft ${key}`, draft) : keep.drop(`draft ${key}`)).then(
      () => {
        set({ isKept: true });
        channel?.postMessage(key);
      },
      () => set({ isKept: false }),
    );
  },
}));

/** Tells other tabs of this browser to read a draft anew, so that two tabs on one draft see the same. */
const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("tamis.drafts");
channel?.addEventListener("message", (event: MessageEvent<string>) => void load(event.data));

async function load(key: string): Promise<void> {
  const kept = await keep.get<Kept>(`draft ${key}`).catch(() => undefined);
  useDrafts.setState((s) => ({ drafts: { ...s.drafts, [key]: kept }, isLoaded: { ...s.isLoaded, [key]: true } }));
}

const NOTHING: Patch = [];

export interface Draft {
  base: string | undefined;
  /** Samples with edits. */
  paths: string[];
  isLoaded: boolean;
  isKept: boolean;
  patchOf(path: string): Patch;
  record(path: string, patch: Patch): void;
  discard(): void;
  commit(message: string): Promise<{ commit: string }>;
}

/** The draft of a branch; `commit` is what is looked at, the base of the first edit. */
export function useDraft(name: string, branch: string, commit: string): Draft {
  const key = `${name}@${branch}`;
  const draft = useDrafts((s) => s.drafts[key]);
  const isLoaded = useDrafts((s) => s.isLoaded[key] ?? false);
  const isKept = useDrafts((s) => s.isKept);
  useEffect(() => {
    if (!useDrafts.getState().isLoaded[key]) void load(key);
  }, [key]);
  return {
    base: draft?.base,
    paths: Object.keys(draft?.patches ?? {}),
    isLoaded,
    isKept,
    patchOf: (path) => draft?.patches[path] ?? NOTHING,
    record(path, patch) {
      const now = useDrafts.getState().drafts[key] ?? { base: commit, patches: {} };
      const all = squash(now.patches[path] ?? NOTHING, patch).filter(
        (change) => JSON.stringify(change.before) !== JSON.stringify(change.after),
      );
      const patches = { ...now.patches, [path]: all };
      if (all.length === 0) delete patches[path];
      useDrafts.getState().set(key, Object.keys(patches).length > 0 ? { ...now, patches } : undefined);
    },
    discard: () => useDrafts.getState().set(key, undefined),
    async commit(message) {
      const now = useDrafts.getState().drafts[key];
      const done = await api.commitEdits(name, branch, message, now?.base ?? commit, now?.patches ?? {});
      useDrafts.getState().set(key, undefined);
      await queries.invalidateQueries();
      return done;
    },
  };
}
