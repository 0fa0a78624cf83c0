/** How good a layer of predictions is: figures as pycocotools has them, by split and class, each leading to the samples. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../api/client";
import { useStats } from "../api/hooks";
import type * as T from "../api/types";
import { Empty, Failure, Section, Select, Skeleton } from "../kit";
import { classVar } from "../lib/color";
import { quoted } from "../lib/filter";
import { grouped } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useDataset } from "./shell";

const share = (value: number | null | undefined) =>
  value === null || value === undefined || !Number.isFinite(value) ? "—" : (value * 100).toFixed(1);

/** The figures of a kind: those of all samples, of parts, and of classes before precision and recall. */
const FIGURES: Record<T.EvalReport["kind"], { all: string[]; parts: string[]; classes: string[] }> = {
  boxes: {
    all: ["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100"],
    parts: ["AP", "AP50"],
    classes: ["ap", "ap50"],
  },
  masks: {
    all: ["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100"],
    parts: ["AP", "AP50"],
    classes: ["ap", "ap50"],
  },
  keypoints: {
    all: ["AP", "AP50", "AP75", "APmedium", "APlarge", "AR"],
    parts: ["AP", "AP50"],
    classes: ["ap", "ap50"],
  },
  classes: {
    all: ["accuracy", "balanced_accuracy", "f1", "f1_weighted", "f1_micro", "ece", "answered"],
    parts: ["accuracy", "f1"],
    classes: ["f1"],
  },
  tracks: {
    all: ["HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDP", "IDR"],
    parts: ["HOTA", "IDF1"],
    classes: ["hota", "idf1"],
  },
};

/** A figure's name as people write it. */
const title = (figure: string) =>
  ({ ap: "AP", ap50: "AP50", hota: "HOTA", idf1: "IDF1", f1: "F1", ece: "ECE" })[figure] ?? figure.replaceAll("_", " ");

export function Evaluation() {
  const t = useWords();
  const { name, ref, params } = useDataset();
  const search = useSearch({ from: "/d/$org/$name/eval" });
  const navigate = useNavigate({ from: "/d/$org/$name/eval" });
  const stats = useStats(name, ref);
  const layers = Object.keys(stats.data?.layers ?? {}).filter((layer) => layer !== "truth");
  const layer = search.layer ?? layers[0];
  const overlap = search.overlap ?? "0.5";
  const report = useQuery({
    queryKey: ["eval", name, stats.data?.commit, layer, overlap],
    queryFn: () => api.evaluate(name, ref, layer ?? "", overlap),
    enabled: layer !== undefined && stats.data !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (stats.error) return <Failure error={stats.error} />;
  if (stats.data && layer === undefined) {
    return (
      <Empty command={`tamis import results.json ${name} --labels-only --layer model-a`}>
        {t("predictions")}: {t("none").toLowerCase()}
      </Empty>
    );
  }
  const r = report.data;
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-6xl px-4 py-3">
        <div className="mb-3 flex flex-wrap items-center gap-3">
          <h1 className="text-20 font-strong">{t("evaluation")}</h1>
          <label className="flex items-center gap-2 text-12 text-ink-3">
            {t("predictions")}
            <Select
              className="font-mono !text-12"
              value={layer}
              onChange={(e) => void navigate({ search: (s) => ({ ...s, layer: e.target.value }) })}
            >
              {layers.map((l) => (
                <option key={l}>{l}</option>
              ))}
            </Select>
          </label>
          <label className="flex items-center gap-2 text-12 text-ink-3">
            {t("overlap")}
            <Select
              value={overlap}
              onChange={(e) => void navigate({ search: (s) => ({ ...s, overlap: e.target.value }) })}
            >
              {["0.3", "0.5", "0.75", "0.9"].map((o) => (
                <option key={o}>{o}</option>
              ))}
            </Select>
          </label>
        </div>
        {report.error ? (
          <Failure error={report.error} retry={() => void report.refetch()} />
        ) : !r ? (
          <Skeleton lines={8} />
        ) : (
          <div className={report.isPlaceholderData ? "opacity-60" : ""}>
            <dl className="mb-4 flex flex-wrap gap-x-8 gap-y-2 border-y border-line py-3">
              {FIGURES[r.kind].all.map((figure) => (
                <div key={figure}>
                  <dt className="text-11 text-ink-3">{title(figure)}</dt>
                  <dd className="text-20">{share(r.figures[figure])}</dd>
                </div>
              ))}
              <div className="ms-auto text-end text-12 text-ink-3">
                {grouped(r.samples)} {t("samples").toLowerCase()}
                <br />
                {grouped(r.truths)} {t("truth").toLowerCase()} · {grouped(r.predictions)}{" "}
                {t("predictions").toLowerCase()}
              </div>
            </dl>
            <div className="grid grid-cols-[2fr_1fr] gap-8 max-lg:grid-cols-1">
              <Section title={t("classes")}>
                <table className="w-full text-12">
                  <thead className="text-11 text-ink-3">
                    <tr className="h-6 border-b border-line">
                      <th className="text-start font-normal">{t("class")}</th>
                      {[
                        ...FIGURES[r.kind].classes.map(title),
                        t("precision"),
                        t("recall"),
                        t("hits"),
                        t("falseAlarms"),
                        t("misses"),
                      ].map((h) => (
                        <th key={h} className="text-end font-normal">
                          {h}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {Object.entries(r.classes)
                      .sort(([, a], [, b]) => first(r.kind, a) - first(r.kind, b))
                      .map(([value, c]) => (
                        <tr key={value} className="h-7 border-b border-line hover:bg-bg-1">
                          <td className="max-w-48 truncate">
                            <Link
                              to="/d/$org/$name/explore"
                              params={params}
                              search={{ ref, q: `[class:${quoted(value)} layer:${quoted(layer ?? "")}]` }}
                              className="flex items-center gap-2 hover:underline"
                            >
                              <span className="size-2 shrink-0 rounded-full" style={{ background: classVar(value) }} />
                              <bdi className="truncate">{value}</bdi>
                            </Link>
                          </td>
                          {FIGURES[r.kind].classes.map((figure, at) =>
                            at === 0 ? (
                              <Meter key={figure} value={c[figure] as number | null} />
                            ) : (
                              <td key={figure} className="text-end">
                                {share(c[figure] as number | null)}
                              </td>
                            ),
                          )}
                          <td className="text-end">{share(c.hits / (c.hits + c.false_alarms))}</td>
                          <td className="text-end">{share(c.hits / (c.hits + c.misses))}</td>
                          <td className="text-end">{grouped(c.hits)}</td>
                          <td className="text-end text-bad">{grouped(c.false_alarms)}</td>
                          <td className="text-end text-warn">{grouped(c.misses)}</td>
                        </tr>
                      ))}
                  </tbody>
                </table>
              </Section>
              <div>
                <Parts title={t("splits")} parts={r.splits} kind={r.kind} query={(value) => `split:${quoted(value)}`} />
                <Parts title={t("slices")} parts={r.slices} kind={r.kind} query={(value) => `view:${quoted(value)}`} />
                {r.confused.length > 0 && (
                  <Section title={t("confused")}>
                    <table className="w-full text-12">
                      <tbody>
                        {r.confused.map((pair) => (
                          <tr key={`${pair.truth}\n${pair.predicted}`} className="h-7 border-b border-line">
                            <td className="max-w-32 truncate">{pair.truth}</td>
                            <td className="max-w-32 truncate text-ink-3">→ {pair.predicted}</td>
                            <td className="text-end">{grouped(pair.count)}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </Section>
                )}
              </div>
            </div>
          </div>
        )}
      </div>
    </main>
  );
}

function Meter({ value }: { value: number | null }) {
  return (
    <td className="ps-4 text-end">
      <span className="flex items-center justify-end gap-2">
        <span className="h-0.75 w-16 overflow-hidden rounded-full bg-bg-3" aria-hidden="true">
          <span className="block h-full bg-accent" style={{ width: `${(value ?? 0) * 100}%` }} />
        </span>
        {share(value)}
      </span>
    </td>
  );
}

/** What classes are ordered by, the worst first; those without the figure last. */
const first = (kind: T.EvalReport["kind"], line: T.EvalReport["classes"][string]) =>
  (line[FIGURES[kind].classes[0] ?? ""] as number | null | undefined) ?? 2;

interface PartsProps {
  title: string;
  parts: Record<string, T.EvalPart>;
  kind: T.EvalReport["kind"];
  query: (value: string) => string;
}

/** Figures by split or slice, each leading to its samples. */
function Parts({ title: heading, parts, kind, query }: PartsProps) {
  const { ref, params } = useDataset();
  if (Object.keys(parts).length === 0) return null;
  return (
    <Section title={heading}>
      <table className="w-full text-12">
        <thead className="text-11 text-ink-3">
          <tr className="h-6 border-b border-line">
            <th className="text-start font-normal">{heading}</th>
            {FIGURES[kind].parts.map((figure) => (
              <th key={figure} className="text-end font-normal">
                {title(figure)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(parts).map(([value, part]) => (
            <tr key={value} className="h-7 border-b border-line">
              <td className="max-w-48 truncate">
                <Link
                  to="/d/$org/$name/explore"
                  params={params}
                  search={{ ref, q: query(value) }}
                  className="hover:underline"
                >
                  {value}
                </Link>
              </td>
              {FIGURES[kind].parts.map((figure, at) =>
                at === 0 ? (
                  <Meter key={figure} value={part.figures[figure] ?? null} />
                ) : (
                  <td key={figure} className="text-end">
                    {share(part.figures[figure])}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
