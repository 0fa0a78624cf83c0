/** What pages read. What a commit id names never changes, so it is kept for ever. */
import { keepPreviousData, QueryClient, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { BLOCK } from "../grid/layout";
import { ApiError, api, type Found } from "./client";
import type { Sample } from "./types";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (times, error) => times < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      staleTime: 5_000,
    },
  },
});

export const useDatasets = () => useQuery({ queryKey: ["datasets"], queryFn: api.datasets });
export const useStats = (name: string, ref: string) =>
  useQuery({ queryKey: ["stats", name, ref], queryFn: () => api.stats(name, ref), placeholderData: keepPreviousData });
export const useOntology = (name: string, ref: string) =>
  useQuery({ queryKey: ["ontology", name, ref], queryFn: () => api.ontology(name, ref) });
export const useBranches = (name: string) =>
  useQuery({ queryKey: ["branches", name], queryFn: () => api.branches(name) });
export const useTags = (name: string) => useQuery({ queryKey: ["tags", name], queryFn: () => api.tags(name) });
export const useLog = (name: string, ref: string, limit?: number) =>
  useQuery({ queryKey: ["log", name, ref, limit], queryFn: () => api.log(name, ref, limit) });
export const useOperations = (name: string) =>
  useQuery({ queryKey: ["operations", name], queryFn: () => api.operations(name) });
export const useSample = (name: string, ref: string, path: string | undefined) =>
  useQuery({
    queryKey: ["sample", name, ref, path],
    queryFn: () => api.sample(name, ref, path ?? ""),
    enabled: path !== undefined,
    placeholderData: keepPreviousData,
  });
export const useFacets = (name: string, ref: string, filter: string) =>
  useQuery({
    queryKey: ["facets", name, ref, filter],
    queryFn: () => api.facets(name, ref, filter),
    placeholderData: keepPreviousData,
  });
export const useDiff = (name: string, from: string, to: string) =>
  useQuery({ queryKey: ["diff", name, from, to], queryFn: () => api.diff(name, from, to), enabled: from !== to });
export const useDiffStat = (name: string, from: string, to: string) =>
  useQuery({
    queryKey: ["diffStat", name, from, to],
    queryFn: () => api.diffStat(name, from, to),
    enabled: from !== to,
  });

export interface Rows {
  total: number | undefined;
  commit: string | undefined;
  error: unknown;
  /** A block of rows; asks for it when it is not there, and gives undefined. */
  block(index: number): readonly Sample[] | undefined;
  row(index: number): Sample | undefined;
  /** Grows with every block that comes in. */
  version: number;
  retry(): void;
}

/** At most so many blocks are kept. */
const KEPT = 400;

/** The rows of a filter by position, in blocks that are fetched when somebody looks at them, the newest wish first. */
export function useRows(name: string, ref: string, filter: string): Rows {
  const key = `${name} ${ref} ${filter}`;
  const [state, setState] = useState<{
    key: string;
    total?: number;
    commit?: string;
    error?: unknown;
    version: number;
  }>({ key, version: 0 });
  const store = useRef({
    key: "",
    blocks: new Map<number, readonly Sample[]>(),
    pending: new Set<number>(),
    abort: new AbortController(),
  });

  if (store.current.key !== key) {
    store.current.abort.abort();
    store.current = { key, blocks: new Map(), pending: new Set(), abort: new AbortController() };
  }

  const load = useCallback(
    (index: number) => {
      const mine = store.current;
      if (mine.key !== key || mine.pending.has(index) || mine.pending.size >= 8) return;
      mine.pending.add(index);
      api.rows(name, ref, filter, index * BLOCK, BLOCK, mine.abort.signal).then(
        (found: Found) => {
          mine.pending.delete(index);
          if (store.current !== mine) return;
          mine.blocks.set(index, found.rows);
          if (mine.blocks.size > KEPT) mine.blocks.delete(mine.blocks.keys().next().value ?? -1);
          setState((s) => ({ key, total: found.total, commit: found.commit, version: s.version + 1 }));
        },
        (error: unknown) => {
          mine.pending.delete(index);
          if (store.current !== mine || mine.abort.signal.aborted) return;
          setState((s) => ({ ...(s.key === key ? s : { version: s.version + 1 }), key, error }));
        },
      );
    },
    [key, name, ref, filter],
  );

  useEffect(() => load(0), [load]);
  useEffect(() => () => store.current.abort.abort(), []);

  const now =
    state.key === key ? state : { total: undefined, commit: undefined, error: undefined, version: state.version };
  return useMemo(
    () => ({
      total: now.total,
      commit: now.commit,
      error: now.error,
      version: now.version,
      block(index) {
        const there = store.current.blocks.get(index);
        if (!there) load(index);
        return there;
      },
      row: (index) => store.current.blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK],
      retry: () => {
        setState((s) => ({ key, version: s.version + 1 }));
        load(0);
      },
    }),
    [now.total, now.commit, now.error, now.version, load, key],
  );
}
