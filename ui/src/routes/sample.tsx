/** One sample: its media with the labels on it, layer by layer, and the edits that become a draft. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, Grid3x3 } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useRows, useSample } from "../api/hooks";
import { buttonClass, Failure, IconButton, Skeleton } from "../kit";
import { grouped, middle } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useShortcuts } from "../lib/keys";
import { ImageSample } from "./sample/image";
import { MediaSample } from "./sample/media";
import { useDataset } from "./shell";

export function SamplePage() {
  const t = useWords();
  const { name, ref, params } = useDataset();
  const search = useSearch({ from: "/d/$org/$name/sample" });
  const navigate = useNavigate({ from: "/d/$org/$name/sample" });
  const found = useSample(name, ref, search.path);
  const rows = useRows(name, ref, search.q ?? "");
  const at = search.at;

  const go = useCallback(
    (by: 1 | -1) => {
      if (at === undefined) return;
      const next = rows.row(at + by);
      if (next)
        void navigate({ search: (s) => ({ ...s, path: next.path, at: at + by, label: undefined }), replace: true });
      else rows.block(Math.floor((at + by) / 512));
    },
    [at, rows, navigate],
  );
  const shortcuts = useMemo(
    () => [
      { keys: "ArrowRight", name: t("next"), run: () => go(1) },
      { keys: "ArrowLeft", name: t("previous"), run: () => go(-1) },
    ],
    [t, go],
  );
  useShortcuts(t("sample"), shortcuts);

  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton lines={8} />;
  const { sample, commit } = found.data;
  const isImage = sample.media?.mime?.startsWith("image/") ?? false;
  const bar = (
    <div className="flex h-10 shrink-0 items-center gap-2 border-b border-line px-2">
      <Link
        to="/d/$org/$name/explore"
        params={params}
        search={{ ref, q: search.q, at }}
        className={buttonClass("quiet", "px-1.5")}
        title={`${t("explore")} (Esc)`}
        aria-label={t("explore")}
      >
        <Grid3x3 size={16} strokeWidth={1.75} />
      </Link>
      <IconButton name={t("previous")} keys="←" disabled={at === undefined || at === 0} onClick={() => go(-1)}>
        <ChevronLeft size={16} strokeWidth={1.75} />
      </IconButton>
      <IconButton
        name={t("next")}
        keys="→"
        disabled={at === undefined || (rows.total !== undefined && at + 1 >= rows.total)}
        onClick={() => go(1)}
      >
        <ChevronRight size={16} strokeWidth={1.75} />
      </IconButton>
      {at !== undefined && rows.total !== undefined && (
        <span className="text-12 text-ink-3">
          {grouped(at + 1)} {t("ofTotal")} {grouped(rows.total)}
        </span>
      )}
      <bdi className="min-w-0 truncate font-mono text-12" title={sample.path}>
        {middle(sample.path, 80)}
      </bdi>
      <span className="ms-auto font-mono text-12 text-ink-3">{commit.slice(0, 12)}</span>
    </div>
  );
  return (
    <div className="flex h-full flex-col">
      {bar}
      {isImage ? (
        <ImageSample
          name={name}
          gitRef={ref}
          sample={sample}
          commit={commit}
          label={search.label}
          stale={found.isPlaceholderData}
        />
      ) : (
        <MediaSample name={name} gitRef={ref} sample={sample} />
      )}
    </div>
  );
}
