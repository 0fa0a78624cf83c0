/** Taking data in: look first at the plan and what is odd, then import as a job. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api/client";
import type { Finding } from "../api/types";
import { Badge, Bars, Button, Failure, Field, Input, Section, Select } from "../kit";
import { classVar } from "../lib/color";
import { bytes, grouped } from "../lib/format";
import { useWords } from "../lib/i18n";

export function Import() {
  const t = useWords();
  const search = useSearch({ from: "/import" });
  const navigate = useNavigate();
  const formats = useQuery({ queryKey: ["formats"], queryFn: api.formats, staleTime: Number.POSITIVE_INFINITY });
  const [source, setSource] = useState("");
  const [dataset, setDataset] = useState(search.into ?? "");
  const [format, setFormat] = useState("");
  const wish = { source: source.trim(), dataset: dataset.trim() || undefined, format: format || undefined };
  const plan = useMutation({ mutationFn: () => api.planImport(wish) });
  const start = useMutation({ mutationFn: () => api.startImport(wish), onSuccess: () => navigate({ to: "/jobs" }) });
  const report = plan.data;
  const counts = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count);
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-4xl px-4 py-4">
        <h1 className="mb-3 text-20 font-strong">{t("importData")}</h1>
        <form
          className="grid grid-cols-[2fr_1fr_1fr_auto] items-end gap-3 max-md:grid-cols-1"
          onSubmit={(e) => {
            e.preventDefault();
            plan.mutate();
          }}
        >
          <Field label={t("importSource")}>
            {(id) => (
              <Input
                id={id}
                required
                spellCheck={false}
                placeholder="/data/photos, coco.zip, s3://bucket/prefix"
                className="w-full font-mono !text-12"
                value={source}
                onChange={(e) => setSource(e.target.value)}
              />
            )}
          </Field>
          <Field label={t("importInto")}>
            {(id) => (
              <Input
                id={id}
                spellCheck={false}
                placeholder={t("automatic")}
                className="w-full"
                value={dataset}
                onChange={(e) => setDataset(e.target.value)}
              />
            )}
          </Field>
          <Field label={t("format")}>
            {(id) => (
              <Select id={id} className="w-full" value={format} onChange={(e) => setFormat(e.target.value)}>
                <option value="">{t("automatic")}</option>
                {formats.data?.map((f) => (
                  <option key={f.id}>{f.id}</option>
                ))}
              </Select>
            )}
          </Field>
          <Button tone="accent" type="submit" disabled={plan.isPending || wish.source === ""}>
            {t("importCheck")}
          </Button>
        </form>
        <div className="mt-4">
          {plan.error && <Failure error={plan.error} />}
          {start.error && <Failure error={start.error} />}
          {report && (
            <>
              <div className="flex flex-wrap items-center justify-between gap-3 border-y border-line py-3">
                <div>
                  <p className="font-strong">
                    {report.plan.dataset}@{report.plan.branch} · {report.plan.format}
                  </p>
                  <p className="text-12 text-ink-2">{report.plan.why}</p>
                </div>
                <Button tone="accent" disabled={start.isPending} onClick={() => start.mutate()}>
                  {t("importApply")}
                </Button>
              </div>
              <dl className="flex flex-wrap gap-x-8 gap-y-2 py-3">
                {(
                  [
                    [t("added"), report.added],
                    [t("changedWord"), report.changed],
                    [t("removed"), report.removed],
                    [t("labels"), report.annotations],
                  ] as const
                ).map(([word, n]) => (
                  <div key={word}>
                    <dt className="text-11 text-ink-3">{word}</dt>
                    <dd className="text-20">{grouped(n)}</dd>
                  </div>
                ))}
                <div>
                  <dt className="text-11 text-ink-3">{t("size")}</dt>
                  <dd className="text-20">{bytes(report.bytes)}</dd>
                </div>
              </dl>
              <div className="grid grid-cols-2 gap-8 max-md:grid-cols-1">
                <Section title={t("classes")}>
                  <Bars rows={counts(report.classes).slice(0, 30)} color={classVar} />
                </Section>
                <Section title={t("splits")}>
                  <Bars rows={counts(report.splits)} />
                </Section>
              </div>
              <Findings findings={report.findings} />
            </>
          )}
        </div>
      </div>
    </main>
  );
}

export function Findings({ findings }: { findings: readonly Finding[] }) {
  const t = useWords();
  const tone = { error: "bad", warning: "warn", note: "plain" } as const;
  return (
    <Section title={t("findings")} side={<span className="text-11 text-ink-3">{grouped(findings.length)}</span>}>
      {findings.length === 0 && <p className="text-12 text-ink-3">{t("noFindings")}</p>}
      <ul>
        {findings.map((f) => (
          <li key={`${f.code} ${f.message}`} className="flex flex-col gap-0.5 border-b border-line py-1.5">
            <span className="flex items-center gap-2">
              <Badge tone={tone[f.severity as keyof typeof tone] ?? "plain"}>{f.severity}</Badge>
              <span className="min-w-0 flex-1">{f.message}</span>
              <span className="text-12 text-ink-2">{grouped(f.count)}</span>
            </span>
            <span className="truncate font-mono text-11 text-ink-3">
              {f.code}
              {f.places?.slice(0, 3).map((p, i) => (
                <span key={i}> · {[p.file ?? p.path, p.line].filter(Boolean).join(":")}</span>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
