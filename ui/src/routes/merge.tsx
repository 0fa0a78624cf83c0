/** A merge and its conflicts, decided by eye: one key each. */
import { useMutation, useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { GitMerge } from "lucide-react";
import { useMemo, useState } from "react";
import { toast } from "sonner";
import { api } from "../api/client";
import { queries, useBranches } from "../api/hooks";
import type { Conflict, Label } from "../api/types";
import { Badge, Button, Empty, Failure, Kbd, Select, Skeleton } from "../kit";
import { middle } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useShortcuts } from "../lib/keys";
import { ConflictPane } from "./merge/pane";
import { useDataset } from "./shell";

const refresh = () => queries.invalidateQueries();

export function Merge() {
  const { name, ref } = useDataset();
  const branches = useBranches(name).data ?? [];
  const into = branches.some((b) => b.name === ref) ? ref : (branches.find((b) => b.default)?.name ?? "main");
  const merging = useQuery({ queryKey: ["merging", name, into], queryFn: () => api.merging(name, into) });
  if (merging.error) return <Failure error={merging.error} retry={() => void merging.refetch()} />;
  if (merging.isPending) return <Skeleton />;
  if (merging.data)
    return <Conflicts name={name} into={into} source={merging.data.source} conflicts={merging.data.conflicts} />;
  return <Begin name={name} into={into} sources={branches.map((b) => b.name).filter((b) => b !== into)} />;
}

function Begin({ name, into, sources }: { name: string; into: string; sources: string[] }) {
  const t = useWords();
  const [chosen, setChosen] = useState<string>();
  const source = chosen ?? sources[0];
  const merge = useMutation({
    mutationFn: () => api.merge(name, source ?? "", into),
    onSuccess: (done) => {
      toast(`${done.outcome}${done.commit ? ` ${done.commit.slice(0, 12)}` : ""}`);
      return refresh();
    },
  });
  return (
    <Empty
      command={source ? `tamis merge ${name} ${source} --into ${into}` : `tamis branch ${name} NAME`}
      action={
        source && (
          <div className="flex flex-col gap-3">
            <div className="flex items-center gap-2">
              <Select
                aria-label={t("branch")}
                className="font-mono !text-12"
                value={source}
                onChange={(e) => setChosen(e.target.value)}
              >
                {sources.map((branch) => (
                  <option key={branch}>{branch}</option>
                ))}
              </Select>
              <Button tone="accent" disabled={merge.isPending} onClick={() => merge.mutate()}>
                <GitMerge size={14} />
                {t("mergeInto", { source, branch: into })}
              </Button>
            </div>
            {merge.error && <Failure error={merge.error} />}
          </div>
        )
      }
    >
      {t("noConflicts")}
    </Empty>
  );
}

/** What was decided, in a word. */
function decision(conflict: Conflict): string | undefined {
  const { resolution } = conflict;
  if (resolution === undefined || resolution === null) return undefined;
  return typeof resolution === "string" ? resolution : (Object.keys(resolution)[0] ?? "value");
}

function Conflicts({
  name,
  into,
  source,
  conflicts,
}: {
  name: string;
  into: string;
  source: string;
  conflicts: Conflict[];
}) {
  const t = useWords();
  const [at, setAt] = useState(() =>
    Math.max(
      0,
      conflicts.findIndex((c) => decision(c) === undefined),
    ),
  );
  const conflict = conflicts[Math.min(at, conflicts.length - 1)];
  const open = conflicts.filter((c) => decision(c) === undefined).length;
  const resolve = useMutation({
    mutationFn: (how: string) =>
      api.resolve(name, into, conflict?.path ?? "", conflict?.part.of === "label" ? conflict.part.id : undefined, how),
    onSuccess: async () => {
      const next = conflicts.findIndex((c, i) => i > at && decision(c) === undefined);
      if (next >= 0) setAt(next);
      await queries.invalidateQueries({ queryKey: ["merging", name, into] });
    },
  });
  const finish = useMutation({
    mutationFn: () => api.mergeContinue(name, into),
    onSuccess: (done) => {
      toast(`${t("merge")} ${done.commit?.slice(0, 12) ?? done.outcome}`);
      return refresh();
    },
  });
  const abort = useMutation({ mutationFn: () => api.mergeAbort(name, into), onSuccess: refresh });
  const decide = resolve.mutate;
  const shortcuts = useMemo(
    () => [
      { keys: "1", name: t("takeOurs"), run: () => decide("ours") },
      { keys: "2", name: t("takeTheirs"), run: () => decide("theirs") },
      { keys: "3", name: t("base"), run: () => decide("base") },
      { keys: "ArrowDown", name: t("next"), run: () => setAt((i) => Math.min(conflicts.length - 1, i + 1)) },
      { keys: "ArrowUp", name: t("previous"), run: () => setAt((i) => Math.max(0, i - 1)) },
      { keys: "mod+Enter", name: t("finishMerge"), run: () => open === 0 && finish.mutate() },
    ],
    [t, decide, conflicts.length, open, finish.mutate],
  );
  useShortcuts(t("merge"), shortcuts);
  const error = resolve.error ?? finish.error ?? abort.error;
  const way = conflict && decision(conflict);
  return (
    <div className="flex h-full flex-col">
      <div className="flex h-10 shrink-0 items-center gap-3 border-b border-line px-3">
        <GitMerge size={16} strokeWidth={1.75} />
        <span className="font-strong">{t("mergeInto", { source, branch: into })}</span>
        <Badge tone={open > 0 ? "warn" : "good"}>{t("openConflicts", { n: open })}</Badge>
        <span className="ms-auto flex gap-2">
          <Button tone="quiet" onClick={() => abort.mutate()}>
            {t("abortMerge")}
          </Button>
          <Button tone="accent" disabled={open > 0 || finish.isPending} onClick={() => finish.mutate()}>
            {t("finishMerge")}
          </Button>
        </span>
      </div>
      {error && <Failure error={error} />}
      <div className="flex min-h-0 flex-1">
        <nav aria-label={t("conflicts")} className="w-72 shrink-0 overflow-y-auto border-e border-line">
          {conflicts.map((c, i) => (
            <button
              key={c.place}
              type="button"
              aria-current={c === conflict}
              className={clsx(
                "flex h-10 w-full items-center gap-2 border-b border-line px-2 text-start text-12",
                c === conflict ? "bg-bg-3" : "hover:bg-bg-1",
              )}
              onClick={() => setAt(i)}
            >
              <span className="min-w-0 flex-1">
                <bdi className="block truncate font-mono" title={c.path}>
                  {middle(c.path ?? "", 32)}
                </bdi>
                <span className="text-ink-3">
                  {[c.part.of, c.part.layer, c.part.id ?? c.part.name].filter((p) => p !== undefined).join(" ")}
                </span>
              </span>
              {decision(c) && <Badge tone="good">{decision(c)}</Badge>}
            </button>
          ))}
        </nav>
        {conflict && (
          <main className="flex min-w-0 flex-1 flex-col">
            <div className="flex min-h-0 flex-1">
              <ConflictPane
                name={name}
                gitRef={into}
                conflict={conflict}
                side="ours"
                title={`${t("ours")} · ${into}`}
              />
              <ConflictPane
                name={name}
                gitRef={source}
                conflict={conflict}
                side="theirs"
                title={`${t("theirs")} · ${source}`}
              />
            </div>
            <div className="grid shrink-0 grid-cols-2 border-t border-line">
              {(["ours", "theirs"] as const).map((side, i) => (
                <div
                  key={side}
                  className={clsx(
                    "flex items-start justify-between gap-3 border-e border-line p-3 last:border-e-0",
                    way === side && "bg-accent-soft",
                  )}
                >
                  <pre className="max-h-28 min-w-0 flex-1 overflow-auto font-mono text-12 whitespace-pre-wrap text-ink-2">
                    {inWords(conflict, side, t("removed"))}
                  </pre>
                  <Button
                    tone={way === side ? "accent" : "plain"}
                    disabled={resolve.isPending}
                    onClick={() => decide(side)}
                  >
                    {t(side === "ours" ? "takeOurs" : "takeTheirs")} <Kbd>{i + 1}</Kbd>
                  </Button>
                </div>
              ))}
            </div>
          </main>
        )}
      </div>
    </div>
  );
}

/** A side's value, or only what it changed of a label. */
function inWords(conflict: Conflict, side: "ours" | "theirs", gone: string): string {
  const value = conflict[side];
  if (value === undefined || value === null) return gone;
  if (conflict.part.of !== "label") return typeof value === "string" ? value : JSON.stringify(value, null, 1);
  const base = (conflict.base ?? {}) as Partial<Label>;
  const label = value as Label;
  const out: string[] = [];
  if (label.class !== base.class) out.push(`class ${base.class ?? "—"} → ${label.class ?? "—"}`);
  if (JSON.stringify(label.shape) !== JSON.stringify(base.shape)) out.push(`${label.type}: shape`);
  for (const key of new Set([...Object.keys(label.attributes ?? {}), ...Object.keys(base.attributes ?? {})])) {
    const [before, after] = [base.attributes?.[key], label.attributes?.[key]].map((v) => JSON.stringify(v) ?? "—");
    if (before !== after) out.push(`${key} ${before} → ${after}`);
  }
  if (label.confidence !== base.confidence)
    out.push(`confidence ${base.confidence ?? "—"} → ${label.confidence ?? "—"}`);
  return out.join("\n") || `${label.type} ${label.class ?? ""}`;
}
