/** Two refs side by side: counts, and every changed sample with both label sets and the change named. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import clsx from "clsx";
import { ArrowLeftRight } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { thumbUrl } from "../api/client";
import { useBranches, useDiff, useDiffStat, useLog, useTags } from "../api/hooks";
import type { DiffLine, LabelChange } from "../api/types";
import { Badge, Empty, Failure, IconButton, Section, Select, Skeleton } from "../kit";
import { grouped, middle } from "../lib/format";
import { useWords, type Word } from "../lib/i18n";
import { useShortcuts } from "../lib/keys";
import { ComparePane } from "./compare/pane";
import { useDataset } from "./shell";

export function Compare() {
  const t = useWords();
  const { name, ref } = useDataset();
  const search = useSearch({ from: "/d/$org/$name/compare" });
  const navigate = useNavigate({ from: "/d/$org/$name/compare" });
  const branches = useBranches(name).data ?? [];
  const log = useLog(name, ref, 2).data;
  const standard = branches.find((b) => b.default)?.name ?? "main";
  const to = search.to ?? ref;
  const from = search.from ?? (to === standard ? (log?.[0]?.parents[0] ?? standard) : standard);
  const diff = useDiff(name, from, to);
  const stat = useDiffStat(name, from, to);
  const lines = diff.data;
  const at = Math.max(0, lines?.findIndex((line) => line.path === search.path) ?? 0);
  const line = lines?.[at];
  const list = useRef<HTMLDivElement>(null);

  const shortcuts = useMemo(() => {
    const go = (by: number) => {
      const next = lines?.[at + by];
      if (next) void navigate({ search: (s) => ({ ...s, path: next.path }), replace: true });
    };
    return [
      { keys: "ArrowDown", name: t("next"), run: () => go(1) },
      { keys: "ArrowUp", name: t("previous"), run: () => go(-1) },
      { keys: "j", name: t("next"), run: () => go(1) },
      { keys: "k", name: t("previous"), run: () => go(-1) },
    ];
  }, [lines, at, navigate, t]);
  useShortcuts(t("compare"), shortcuts);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another line is shown
  useEffect(() => list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" }), [line]);

  return (
    <div className="flex h-full flex-col">
      <div className="flex h-10 shrink-0 items-center gap-2 border-b border-line px-3">
        <RefPicker
          name={name}
          label={t("from")}
          value={from}
          onChange={(value) => void navigate({ search: (s) => ({ ...s, from: value, to, path: undefined }) })}
        />
        <IconButton
          name={`${t("from")} ↔ ${t("to")}`}
          onClick={() => void navigate({ search: (s) => ({ ...s, from: to, to: from }) })}
        >
          <ArrowLeftRight size={16} strokeWidth={1.75} />
        </IconButton>
        <RefPicker
          name={name}
          label={t("to")}
          value={to}
          onChange={(value) => void navigate({ search: (s) => ({ ...s, from, to: value, path: undefined }) })}
        />
        {stat.data && (
          <div className="ms-3 flex flex-wrap gap-1.5">
            <Count tone="good" n={stat.data.samples_added} word="added" of={t("samples")} />
            <Count tone="bad" n={stat.data.samples_removed} word="removed" of={t("samples")} />
            <Count tone="warn" n={stat.data.samples_changed} word="changedWord" of={t("samples")} />
            <Count tone="good" n={stat.data.labels_added} word="added" of={t("labels")} />
            <Count tone="bad" n={stat.data.labels_removed} word="removed" of={t("labels")} />
            <Count tone="warn" n={stat.data.labels_changed} word="changedWord" of={t("labels")} />
          </div>
        )}
      </div>
      {diff.error ? (
        <Failure error={diff.error} retry={() => void diff.refetch()} />
      ) : from === to || lines?.length === 0 ? (
        <Empty command={`tamis diff ${name} ${short(from)} ${short(to)}`}>{t("noDifference")}</Empty>
      ) : !lines ? (
        <Skeleton lines={8} />
      ) : (
        <div className="flex min-h-0 flex-1">
          <nav
            ref={list}
            aria-label={t("changedSamples")}
            className="w-72 shrink-0 overflow-y-auto border-e border-line"
          >
            {lines.slice(0, 5000).map((entry, i) => (
              <button
                key={entry.path}
                type="button"
                aria-current={i === at}
                className={clsx(
                  "flex w-full items-center gap-2 border-b border-line p-1.5 text-start",
                  i === at ? "bg-bg-3" : "hover:bg-bg-1",
                )}
                onClick={() => void navigate({ search: (s) => ({ ...s, path: entry.path }), replace: true })}
              >
                <img
                  alt=""
                  loading="lazy"
                  className="h-9 w-12 shrink-0 rounded-sm bg-media object-cover"
                  src={thumbUrl(name, entry.new ? to : from, entry.path, 128, (entry.new ?? entry.old)?.media?.blob)}
                />
                <span className="min-w-0 flex-1">
                  <bdi className="block truncate font-mono text-12" title={entry.path}>
                    {middle(entry.path, 34)}
                  </bdi>
                  <span className="text-12 text-ink-3">{summary(entry, t)}</span>
                </span>
                <Mark change={entry.change} />
              </button>
            ))}
          </nav>
          {line && (
            <main className="flex min-w-0 flex-1 flex-col">
              <div className="flex min-h-0 flex-1 max-md:flex-col">
                <ComparePane name={name} gitRef={from} sample={line.old} line={line} side="old" title={t("before")} />
                <ComparePane name={name} gitRef={to} sample={line.new} line={line} side="new" title={t("after")} />
              </div>
              <div className="max-h-56 shrink-0 overflow-y-auto border-t border-line px-3">
                <Section
                  title={`${t("labels")} · ${t("changed")}`}
                  side={<span className="text-11 text-ink-3">{grouped(line.labels.length + line.fields.length)}</span>}
                >
                  <ul>
                    {line.media_changed && <li className="text-12 text-warn">{t("mediaChanged")}</li>}
                    {line.fields.map((field) => (
                      <li key={field.name} className="flex h-6 items-center gap-2 text-12">
                        <Mark change="changed" />
                        <span className="font-mono">{field.name}</span>
                        <span className="text-bad line-through">{JSON.stringify(field.old)}</span>→
                        <span className="text-good">{JSON.stringify(field.new)}</span>
                      </li>
                    ))}
                    {line.labels.slice(0, 300).map((change) => (
                      <li
                        key={`${change.layer} ${(change.old ?? change.new)?.id}`}
                        className="flex h-6 items-center gap-2 text-12"
                      >
                        <Mark change={change.change} />
                        <span className="font-mono text-ink-3">
                          {change.layer} #{(change.old ?? change.new)?.id}
                        </span>
                        <span className="truncate">{named(change, t)}</span>
                      </li>
                    ))}
                  </ul>
                </Section>
              </div>
            </main>
          )}
        </div>
      )}
    </div>
  );
}

const short = (ref: string) => (/^[0-9a-f]{64}$/.test(ref) ? ref.slice(0, 12) : ref);

/** What happened to a label, in words. */
function named(change: LabelChange, t: (key: Word) => string): string {
  const label = change.new ?? change.old;
  const head = `${label?.type} ${label?.class ?? ""}`;
  if (change.change !== "changed") return `${head} ${t(change.change)}`;
  const parts: string[] = [];
  if (change.parts?.class) parts.push(`${t("class")} ${change.old?.class ?? "—"} → ${change.new?.class ?? "—"}`);
  if (change.parts?.geometry) parts.push(t("geometry"));
  if (change.parts?.attributes) parts.push(t("attributes"));
  if (change.parts?.confidence)
    parts.push(`${t("confidence")} ${change.old?.confidence ?? "—"} → ${change.new?.confidence ?? "—"}`);
  if (change.parts?.instance) parts.push(`${change.old?.instance ?? "—"} → ${change.new?.instance ?? "—"}`);
  return `${head}: ${parts.join(", ")}`;
}

function summary(entry: DiffLine, t: (key: Word) => string): string {
  if (entry.change !== "changed") return t(entry.change);
  const parts: string[] = [];
  if (entry.media_changed) parts.push(t("media"));
  if (entry.fields.length > 0) parts.push(entry.fields.map((f) => f.name).join(", "));
  if (entry.labels.length > 0) parts.push(`${entry.labels.length} ${t("labels").toLowerCase()}`);
  return parts.join(" · ");
}

export function Mark({ change }: { change: "added" | "removed" | "changed" }) {
  const [sign, tone] = { added: ["+", "text-good"], removed: ["−", "text-bad"], changed: ["~", "text-warn"] }[
    change
  ] as [string, string];
  return <span className={clsx("w-3 shrink-0 text-center font-mono font-strong", tone)}>{sign}</span>;
}

function Count({ n, word, of, tone }: { n: number; word: Word; of: string; tone: "good" | "bad" | "warn" }) {
  const t = useWords();
  if (n === 0) return null;
  return (
    <Badge tone={tone}>
      {grouped(n)} {of.toLowerCase()} {t(word)}
    </Badge>
  );
}

function RefPicker({
  name,
  label,
  value,
  onChange,
}: {
  name: string;
  label: string;
  value: string;
  onChange(ref: string): void;
}) {
  const branches = useBranches(name).data ?? [];
  const tags = useTags(name).data ?? [];
  const log = useLog(name, value, 20).data ?? [];
  const known = [...branches.map((b) => b.name), ...tags.map((tag) => tag.name)];
  return (
    <label className="flex items-center gap-2 text-12 text-ink-3">
      {label}
      <Select value={value} className="max-w-56 font-mono !text-12" onChange={(e) => onChange(e.target.value)}>
        {known.map((k) => (
          <option key={k}>{k}</option>
        ))}
        {!known.includes(value) && <option value={value}>{short(value)}</option>}
        {log
          .filter((c) => c.id !== value)
          .map((c) => (
            <option key={c.id} value={c.id}>
              {c.id.slice(0, 12)} {middle(c.message.split("\n")[0] ?? "", 40)}
            </option>
          ))}
      </Select>
    </label>
  );
}
