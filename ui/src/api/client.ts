/** Calls to the server. The only file that knows its routes; pages use hooks.ts. */
import { paramsOf } from "../lib/dataset";
import type { Patch } from "../stage/history";
import type * as T from "./types";

/** What the server answered instead of what was asked for. `code` is stable; `hint` says what to do. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | undefined,
    readonly request: string,
  ) {
    super(message);
  }
}

interface Problem {
  code?: string;
  detail?: string;
  hint?: string;
  request_id?: string;
}

const BASE = "/api/v1";

type Query = Record<string, string | number | boolean | undefined>;

export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

async function call<R>(method: string, path: string, query?: Query, body?: unknown, signal?: AbortSignal): Promise<R> {
  const address = url(path, query);
  const request = `${method} ${address}`;
  let response: Response;
  try {
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    response = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "net.unreachable", "the server does not answer", "is `tamis serve` still running?", request);
  }
  if (!response.ok) {
    // RFC 9457; whatever stands between may answer with something else.
    const said = (await response.json().catch(() => ({}))) as Problem;
    throw new ApiError(
      response.status,
      said.code ?? `http.${response.status}`,
      said.detail ?? response.statusText,
      said.hint,
      said.request_id ? `${request} (${said.request_id})` : request,
    );
  }
  if (response.status === 204) return undefined as R;
  return (await response.json()) as R;
}

/** A dataset's part of an address: always two segments. */
function ds(dataset: string): string {
  const { org, name } = paramsOf(dataset);
  return `/datasets/${encodeURIComponent(org)}/${encodeURIComponent(name)}`;
}

export interface Found {
  total: number;
  commit: string;
  rows: T.Sample[];
}

export interface Facets {
  total: number;
  commit: string;
  splits: Record<string, number>;
  classes: Record<string, number>;
  layers: Record<string, number>;
  types: Record<string, number>;
}

export const api = {
  datasets: () => call<T.DatasetLine[]>("GET", "/datasets"),
  stats: (name: string, ref: string) => call<T.Stats>("GET", `${ds(name)}/stats`, { ref }),
  ontology: (name: string, ref: string) => call<T.Ontology>("GET", `${ds(name)}/ontology`, { ref }),
  branches: (name: string) => call<T.Branch[]>("GET", `${ds(name)}/branches`),
  tags: (name: string) => call<T.Tag[]>("GET", `${ds(name)}/tags`),
  log: (name: string, ref: string, limit = 100) => call<T.Commit[]>("GET", `${ds(name)}/log`, { ref, limit }),
  operations: (name: string) => call<T.Operation[]>("GET", `${ds(name)}/operations`),
  sample: (name: string, ref: string, path: string) => call<T.SampleAt>("GET", `${ds(name)}/sample`, { ref, path }),
  rows: (name: string, ref: string, filter: string, from: number, count: number, signal?: AbortSignal) =>
    call<Found>("GET", `${ds(name)}/samples`, { ref, filter, from, count }, undefined, signal),
  facets: (name: string, ref: string, filter: string) => call<Facets>("GET", `${ds(name)}/facets`, { ref, filter }),
  commitEdits: (name: string, branch: string, message: string, base: string, patches: Record<string, Patch>) =>
    call<{ commit: string }>("POST", `${ds(name)}/edits`, {}, { branch, message, base, patches }),
  undo: (name: string) => call<T.Operation>("POST", `${ds(name)}/undo`, {}, {}),
  merging: (name: string, into: string) => call<T.Merging | null>("GET", `${ds(name)}/merging`, { into }),
  merge: (name: string, source: string, into: string) =>
    call<T.Merged>("POST", `${ds(name)}/merge`, {}, { source, into }),
  mergeContinue: (name: string, into: string) => call<T.Merged>("POST", `${ds(name)}/merge/continue`, {}, { into }),
  mergeAbort: (name: string, into: string) => call<unknown>("POST", `${ds(name)}/merge/abort`, {}, { into }),
  resolve: (name: string, into: string, path: string, label: number | undefined, how: string) =>
    call<{ decided: number; open: number }>("POST", `${ds(name)}/merge/resolve`, {}, { into, path, label, with: how }),
  evaluate: (name: string, ref: string, layer: string, overlap: string) =>
    call<T.EvalReport>("GET", `${ds(name)}/eval`, { ref, layer, overlap }),
  jobs: () => call<T.Job[]>("GET", "/jobs"),
  formats: () => call<T.Format[]>("GET", "/formats"),
  planImport: (body: { source: string; dataset?: string; format?: string }) =>
    call<T.ImportReport>("POST", "/import", {}, { ...body, dryRun: true }),
  startImport: (body: { source: string; dataset?: string; format?: string }) =>
    call<T.Job>("POST", "/import", {}, body),
  diff: (name: string, from: string, to: string) => call<T.DiffLine[]>("GET", `${ds(name)}/diff`, { from, to }),
  diffStat: (name: string, from: string, to: string) => call<T.DiffStat>("GET", `${ds(name)}/diff/stat`, { from, to }),
};

/** The address of a sample's small picture, at least `size` pixels at its longer side. */
export function thumbUrl(name: string, ref: string, path: string, size: number, blob?: string): string {
  return url(`${ds(name)}/preview`, { ref, path, size, v: blob?.slice(0, 16) });
}

/** The address of a sample's media. */
export function mediaUrl(name: string, ref: string, path: string, blob?: string): string {
  return url(`${ds(name)}/media`, { ref, path, v: blob?.slice(0, 16) });
}
