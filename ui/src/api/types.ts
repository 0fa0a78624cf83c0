/** What the server says, in its own words. */
import type { Label } from "../stage/doc";

export type { Label } from "../stage/doc";

export interface DatasetLine {
  name: string;
  branch: string;
  commit: string;
  samples: number;
  annotations: number;
  bytes: number;
  /** Microseconds since 1970. */
  time: number;
}

export interface Media {
  blob?: string;
  uri?: string;
  size: number;
  mime?: string;
  width?: number;
  height?: number;
  orientation?: number;
}

export interface Sample {
  path: string;
  media?: Media;
  split?: string;
  frame?: string;
  sensor?: string;
  timestamp?: number;
  fields?: Record<string, unknown>;
  layers?: Record<string, Label[]>;
}

export interface SampleAt {
  commit: string;
  sample: Sample;
}

export interface LayerStats {
  labels: number;
  samples: number;
  types: Record<string, number>;
  classes: Record<string, number>;
}

export interface Stats {
  dataset: string;
  commit: string;
  samples: number;
  annotations: number;
  splits: Record<string, number>;
  classes: Record<string, number>;
  bytes: number;
  media: Record<string, number>;
  layers: Record<string, LayerStats>;
  sensors?: Record<string, number>;
}

export interface Branch {
  name: string;
  commit: string;
  default: boolean;
  protected: boolean;
  merging: boolean;
  ahead: number;
  behind: number;
}

export interface Tag {
  name: string;
  commit: string;
  message: string;
}

export interface Commit {
  id: string;
  parents: string[];
  author: string;
  time: number;
  message: string;
  refs?: string[];
}

export interface Operation {
  id: string;
  description: string;
  author: string;
  time: number;
}

export interface LabelChange {
  change: "added" | "removed" | "changed";
  layer: string;
  old?: Label;
  new?: Label;
  parts?: { class: boolean; geometry: boolean; attributes: boolean; instance: boolean; confidence: boolean };
}

export interface FieldChange {
  name: string;
  old?: unknown;
  new?: unknown;
}

export interface DiffLine {
  path: string;
  change: "added" | "removed" | "changed";
  media_changed: boolean;
  fields: FieldChange[];
  labels: LabelChange[];
  old?: Sample;
  new?: Sample;
}

export interface DiffStat {
  samples_added: number;
  samples_removed: number;
  samples_changed: number;
  media_changed: number;
  fields_changed: number;
  labels_added: number;
  labels_removed: number;
  labels_changed: number;
  classes: Record<string, { added: number; removed: number; changed: number }>;
}

export interface Conflict {
  place: string;
  path?: string;
  part: { of: string; layer?: string; id?: number; name?: string };
  base?: unknown;
  ours?: unknown;
  theirs?: unknown;
  /** What was decided, if anything: `ours`, `theirs`, `base`, or a value. */
  resolution?: unknown;
}

export interface Merging {
  branch: string;
  source: string;
  conflicts: Conflict[];
  open: number;
}

export interface ClassEntry {
  name: string;
  id?: number;
  color?: [number, number, number];
}
export interface AttributeSchema {
  name: string;
  types?: string[];
  values?: unknown[];
  classes?: string[];
}
export interface Skeleton {
  number: number;
  names?: string[];
  edges?: [number, number][];
  classes?: string[];
}
export interface LabelSchema {
  classes?: ClassEntry[];
  attributes?: AttributeSchema[];
  skeletons?: Skeleton[];
}
export interface Ontology {
  description?: string;
  types: Record<string, LabelSchema>;
}

export interface Merged {
  outcome: string;
  commit: string | null;
  conflicts: number;
}

export interface EvalReport {
  commit: string;
  samples: number;
  truths: number;
  predictions: number;
  figures: Record<string, number | null>;
  kind: "boxes" | "masks" | "keypoints" | "classes" | "tracks";
  splits: Record<string, EvalPart>;
  slices: Record<string, EvalPart>;
  classes: Record<
    string,
    { ap?: number | null; hits: number; false_alarms: number; misses: number; [name: string]: unknown }
  >;
  confused: { truth: string; predicted: string; count: number }[];
}

export interface EvalPart {
  samples: number;
  figures: Record<string, number | null>;
}

export interface Finding {
  severity: string;
  code: string;
  message: string;
  count: number;
  places?: { file?: string; line?: number; path?: string }[];
}

export interface ImportReport {
  plan: {
    dataset: string;
    branch: string;
    format: string;
    why: string;
    others?: string[];
    files: number;
    bytes: number;
    existing: number;
  };
  commit: string | null;
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
  annotations: number;
  splits: Record<string, number>;
  classes: Record<string, number>;
  bytes: number;
  findings: Finding[];
}

export interface Job {
  id: string;
  what: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  /** Microseconds since 1970. */
  started: number;
  ended?: number;
  error?: string;
  result?: unknown;
}

export interface Format {
  id: string;
  title: string;
  [fact: string]: unknown;
}
