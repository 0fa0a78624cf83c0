/** How good a layer of predictions is: figures as pycocotools has them, by split and class, each leading to the samples. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../api/client";
import { useStats } from "../api/hooks";
import { Empty, Failure, Section, Select, Skeleton } from "../kit";
import { classVar } from "../lib/color";
import { quoted } from "../lib/filter";
import { grouped } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useDataset } from "./shell";

const share = (value: number | null | undefined) =>
  value === null || value === undefined || !Number.isFinite(value) ? "—" : (value * 100).toFixed(1);

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
              {["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100"].map((figure) => (
                <div key={figure}>
                  <dt className="text-11 text-ink-3">{figure}</dt>
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
                      {["AP", "AP50", t("precision"), t("recall"), t("hits"), t("falseAlarms"), t("misses")].map(
                        (h) => (
                          <th key={h} className="text-end font-normal">
                            {h}
                          </th>
                        ),
                      )}
                    </tr>
                  </thead>
                  <tbody>
                    {Object.entries(r.classes)
                      .sort(([, a], [, b]) => (a.ap ?? 2) - (b.ap ?? 2))
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
                          <Meter value={c.ap} />
                          <td className="text-end">{share(c.ap50 as number | null)}</td>
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
              <Section title={t("splits")}>
                <table className="w-full text-12">
                  <thead className="text-11 text-ink-3">
                    <tr className="h-6 border-b border-line">
                      <th className="text-start font-normal">{t("split")}</th>
                      <th className="text-end font-normal">AP</th>
                      <th className="text-end font-normal">AP50</th>
                    </tr>
                  </thead>
                  <tbody>
                    {Object.entries(r.splits).map(([value, s]) => (
                      <tr key={value} className="h-7 border-b border-line">
                        <td>
                          <Link
                            to="/d/$org/$name/explore"
                            params={params}
                            search={{ ref, q: `split:${quoted(value)}` }}
                            className="hover:underline"
                          >
                            {value}
                          </Link>
                        </td>
                        <Meter value={s.ap} />
                        <td className="text-end">{share(s.ap50 as number | null)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Section>
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
