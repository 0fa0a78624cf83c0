/** Long work, with its progress; asked for again while anything runs. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { Badge, Empty, Failure, Skeleton } from "../kit";
import { ago, moment } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useSettings } from "../lib/settings";

const TONES = { queued: "plain", running: "accent", done: "good", failed: "bad", cancelled: "plain" } as const;

export function Jobs() {
  const t = useWords();
  const language = useSettings((s) => s.language);
  const jobs = useQuery({
    queryKey: ["jobs"],
    queryFn: api.jobs,
    refetchInterval: (query) =>
      query.state.data?.some((job) => job.state === "running" || job.state === "queued") ? 700 : 5000,
  });
  if (jobs.error) return <Failure error={jobs.error} retry={() => void jobs.refetch()} />;
  if (!jobs.data) return <Skeleton />;
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-4xl px-4 py-4">
        <h1 className="mb-3 text-20 font-strong">{t("jobs")}</h1>
        {jobs.data.length === 0 && <Empty>{t("noJobs")}</Empty>}
        <ul>
          {jobs.data.map((job) => (
            <li key={job.id} className="flex min-h-10 flex-wrap items-center gap-3 border-b border-line py-2">
              <Badge tone={TONES[job.state]}>{job.state}</Badge>
              <span className="min-w-0 flex-1 truncate">{job.what}</span>
              {job.ended !== undefined && (
                <span className="text-12 text-ink-3">{((job.ended - job.started) / 1e6).toFixed(1)} s</span>
              )}
              <span className="text-12 text-ink-3" title={moment(job.started, language)}>
                {ago(job.started, language)}
              </span>
              {job.error && <p className="w-full text-12 text-bad">{job.error}</p>}
            </li>
          ))}
        </ul>
      </div>
    </main>
  );
}
