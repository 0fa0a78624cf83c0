/** What a dataset has in it, at one ref: all from the commit's root, whatever its size. */
import { Link, useNavigate } from "@tanstack/react-router";
import { useLog, useOntology, useStats } from "../api/hooks";
import { Bars, buttonClass, Failure, Section, Skeleton } from "../kit";
import { classVar } from "../lib/color";
import { quoted } from "../lib/filter";
import { ago, bytes, grouped, moment, person } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useSettings } from "../lib/settings";
import { useDataset } from "./shell";

const sorted = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count);

export function Overview() {
  const t = useWords();
  const language = useSettings((s) => s.language);
  const { name, ref, params } = useDataset();
  const stats = useStats(name, ref);
  const log = useLog(name, ref, 8);
  const ontology = useOntology(name, ref);
  if (stats.error) return <Failure error={stats.error} retry={() => void stats.refetch()} />;
  if (!stats.data) return <Skeleton lines={8} />;
  const s = stats.data;
  const figures: [string, string][] = [
    [t("samples"), grouped(s.samples)],
    [t("labels"), grouped(s.annotations)],
    [t("classes"), grouped(Object.keys(s.classes).length)],
    [t("size"), bytes(s.bytes)],
  ];
  const labelled = Math.max(0, ...Object.values(s.layers).map((layer) => layer.samples));
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto grid max-w-6xl grid-cols-3 gap-x-8 gap-y-4 px-4 py-4 max-lg:grid-cols-2 max-sm:grid-cols-1">
        <header className="col-span-full flex flex-wrap items-end justify-between gap-4">
          <div>
            <h1 className="text-20 font-strong">
              <bdi>{name}</bdi>
            </h1>
            {ontology.data?.description && <p className="max-w-prose text-ink-2">{ontology.data.description}</p>}
          </div>
          <div className="flex gap-2">
            <Link to="/d/$org/$name/explore" params={params} search={{ ref }} className={buttonClass("accent")}>
              {t("explore")}
            </Link>
          </div>
        </header>
        <dl className="col-span-full flex flex-wrap gap-x-10 gap-y-2 border-y border-line py-3">
          {figures.map(([label, value]) => (
            <div key={label}>
              <dt className="text-11 text-ink-3">{label}</dt>
              <dd className="text-20">{value}</dd>
            </div>
          ))}
          <div>
            <dt className="text-11 text-ink-3">{t("withoutLabels")}</dt>
            <dd className="text-20">
              {s.samples > labelled ? (
                <Link
                  to="/d/$org/$name/explore"
                  params={params}
                  search={{ ref, q: "unlabelled" }}
                  className="text-warn hover:underline"
                >
                  ≥ {grouped(s.samples - labelled > 0 && Object.keys(s.layers).length <= 1 ? s.samples - labelled : 0)}
                </Link>
              ) : (
                "0"
              )}
            </dd>
          </div>
        </dl>
        <div className="flex flex-col gap-4">
          <Section
            title={t("classes")}
            side={<span className="text-11 text-ink-3">{grouped(Object.keys(s.classes).length)}</span>}
          >
            <CountLinks counts={s.classes} term="class" color={classVar} />
          </Section>
        </div>
        <div className="flex flex-col gap-4">
          {Object.keys(s.splits).length > 0 && (
            <Section title={t("splits")}>
              <CountLinks counts={s.splits} term="split" />
            </Section>
          )}
          <Section title={t("layers")}>
            {Object.entries(s.layers).map(([layer, l]) => (
              <div key={layer} className="flex flex-col border-b border-line py-1 text-12 last:border-0">
                <span className="flex justify-between gap-2">
                  <span className="truncate font-mono">{layer}</span>
                  <span>
                    {grouped(l.labels)} <span className="text-ink-3">/ {grouped(l.samples)}</span>
                  </span>
                </span>
                <span className="text-ink-3">
                  {sorted(l.types)
                    .map((type) => `${type.name} ${grouped(type.count)}`)
                    .join(" · ")}
                </span>
              </div>
            ))}
          </Section>
          <Section title={t("media")}>
            <CountLinks counts={s.media} term="mime" />
          </Section>
        </div>
        <div className="flex flex-col gap-4">
          <Section title={t("recentCommits")}>
            {log.data?.map((commit) => (
              <Link
                key={commit.id}
                to="/d/$org/$name/history"
                params={params}
                search={{ ref }}
                className="flex flex-col border-b border-line py-1 last:border-0 hover:bg-bg-1"
              >
                <span className="truncate">{commit.message.split("\n")[0]}</span>
                <span className="flex gap-2 text-12 text-ink-3">
                  <span className="font-mono">{commit.id.slice(0, 12)}</span>
                  <span className="truncate">{person(commit.author)}</span>
                  <span className="ms-auto shrink-0" title={moment(commit.time, language)}>
                    {ago(commit.time, language)}
                  </span>
                </span>
              </Link>
            ))}
          </Section>
          {ontology.data && Object.keys(ontology.data.types).length > 0 && (
            <Section title={t("schema")}>
              {Object.entries(ontology.data.types).map(([type, schema]) => (
                <div key={type} className="border-b border-line py-1 text-12 last:border-0">
                  <span className="font-mono">{type}</span>{" "}
                  <span className="text-ink-3">
                    {grouped(schema.classes?.length ?? 0)} {t("classes").toLowerCase()}
                  </span>
                  <div className="text-ink-2">{(schema.attributes ?? []).map((a) => a.name).join(", ")}</div>
                </div>
              ))}
            </Section>
          )}
        </div>
      </div>
    </main>
  );
}

function useNavigateTo(): (filter: string) => void {
  const navigate = useNavigate();
  const { ref, params } = useDataset();
  return (q) => void navigate({ to: "/d/$org/$name/explore", params, search: { ref, q } });
}

function CountLinks({
  counts,
  term,
  color,
}: {
  counts: Record<string, number>;
  term: string;
  color?: (name: string) => string;
}) {
  const navigate = useNavigateTo();
  return (
    <Bars rows={sorted(counts).slice(0, 40)} color={color} onPick={(value) => navigate(`${term}:${quoted(value)}`)} />
  );
}
