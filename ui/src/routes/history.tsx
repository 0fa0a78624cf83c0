/** The commits of a ref as a graph, and everything that was done to the dataset. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Undo2 } from "lucide-react";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { queries, useLog, useOperations, useTags } from "../api/hooks";
import type { Commit } from "../api/types";
import { Badge, Button, Empty, Failure, Id, Section, Segments, Skeleton } from "../kit";
import { ago, moment, person } from "../lib/format";
import { graph } from "../lib/graph";
import { useWords } from "../lib/i18n";
import { useSettings } from "../lib/settings";
import { useDataset } from "./shell";

export function HistoryPage() {
  const t = useWords();
  const [what, setWhat] = useState<"commits" | "operations">("commits");
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-5xl px-4 py-3">
        <div className="mb-2 flex items-center justify-between">
          <h1 className="text-20 font-strong">{t("history")}</h1>
          <Segments
            name={t("history")}
            value={what}
            onChange={setWhat}
            options={[
              { value: "commits", label: t("commits") },
              { value: "operations", label: t("operations") },
            ]}
          />
        </div>
        {what === "commits" ? <Commits /> : <Operations />}
      </div>
    </main>
  );
}

const ROW = 44;
const LANE = 14;

function Commits() {
  const t = useWords();
  const language = useSettings((s) => s.language);
  const { name, ref, params } = useDataset();
  const log = useLog(name, ref, 300);
  const tags = useTags(name);
  const drawn = useMemo(() => graph(log.data ?? []), [log.data]);
  if (log.error) return <Failure error={log.error} retry={() => void log.refetch()} />;
  if (!log.data) return <Skeleton />;
  if (log.data.length === 0) return <Empty command={`tamis log ${name}`}>{t("noCommits")}</Empty>;
  const width = Math.max(1, drawn.lanes) * LANE + 10;
  const x = (lane: number) => lane * LANE + 10;
  const namesOf = (commit: Commit) =>
    commit.refs ?? tags.data?.filter((tag) => tag.commit === commit.id).map((tag) => tag.name) ?? [];
  return (
    <div className="relative">
      <svg width={width} height={log.data.length * ROW} className="absolute top-0" aria-hidden="true">
        {drawn.edges.map((edge) => {
          const [x1, y1, x2, y2] = [
            x(edge.fromLane),
            edge.from * ROW + ROW / 2,
            x(edge.toLane),
            edge.to * ROW + ROW / 2,
          ];
          const bend = `M${x1} ${y1} C${x1} ${y1 + ROW * 0.7} ${x2} ${y1 + ROW * 0.3} ${x2} ${y1 + ROW} L${x2} ${y2}`;
          return (
            <path
              key={`${edge.from} ${edge.to}`}
              d={x1 === x2 ? `M${x1} ${y1} L${x2} ${y2}` : bend}
              fill="none"
              stroke={`var(--class-${(edge.toLane * 5) % 24})`}
              strokeWidth="1.5"
            />
          );
        })}
        {drawn.lane.map((lane, i) => (
          <circle
            key={log.data[i]?.id}
            cx={x(lane)}
            cy={i * ROW + ROW / 2}
            r="4"
            fill="var(--bg)"
            stroke={`var(--class-${(lane * 5) % 24})`}
            strokeWidth="2"
          />
        ))}
      </svg>
      <ol style={{ paddingInlineStart: width + 4 }}>
        {log.data.map((commit) => (
          <li
            key={commit.id}
            className="flex items-center gap-3 border-b border-line hover:bg-bg-1"
            style={{ height: ROW }}
          >
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2">
                <span className="truncate" title={commit.message}>
                  {commit.message.split("\n")[0]}
                </span>
                {namesOf(commit).map((refName) => (
                  <Badge key={refName} tone="accent">
                    {refName}
                  </Badge>
                ))}
              </div>
              <div className="flex gap-3 text-12 text-ink-3">
                <Id value={commit.id} />
                <span className="truncate">{person(commit.author)}</span>
                <span title={moment(commit.time, language)}>{ago(commit.time, language)}</span>
              </div>
            </div>
            <Link
              to="/d/$org/$name/explore"
              params={params}
              search={{ ref: commit.id }}
              className="text-12 text-ink-2 hover:text-ink"
            >
              {t("explore")}
            </Link>
            {commit.parents[0] && (
              <Link
                to="/d/$org/$name/compare"
                params={params}
                search={{ ref, from: commit.parents[0], to: commit.id }}
                className="text-12 text-ink-2 hover:text-ink"
              >
                {t("compare")}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

function Operations() {
  const t = useWords();
  const language = useSettings((s) => s.language);
  const { name } = useDataset();
  const operations = useOperations(name);
  const undo = useMutation({ mutationFn: () => api.undo(name), onSuccess: () => queries.invalidateQueries() });
  if (operations.error) return <Failure error={operations.error} retry={() => void operations.refetch()} />;
  if (!operations.data) return <Skeleton />;
  return (
    <Section
      title={t("operations")}
      side={
        <Button tone="quiet" disabled={undo.isPending || operations.data.length < 2} onClick={() => undo.mutate()}>
          <Undo2 size={14} />
          {t("undoOperation")}
        </Button>
      }
    >
      {undo.error && <Failure error={undo.error} />}
      <ol>
        {operations.data.map((operation) => (
          <li key={operation.id} className="flex h-8 items-center gap-3 border-b border-line">
            <span className="min-w-0 flex-1 truncate">{operation.description}</span>
            <span className="truncate text-12 text-ink-3">{person(operation.author)}</span>
            <span className="text-12 text-ink-3" title={moment(operation.time, language)}>
              {ago(operation.time, language)}
            </span>
            <Id value={operation.id} />
          </li>
        ))}
      </ol>
    </Section>
  );
}
