/** Samples that are no image: played or read where the browser can, with their labels beside. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { mediaUrl, thumbUrl } from "../../api/client";
import type { Sample } from "../../api/types";
import { Section } from "../../kit";
import { classVar } from "../../lib/color";
import { grouped } from "../../lib/format";
import { useWords } from "../../lib/i18n";
import type { Label } from "../../stage/doc";
import { Facts } from "../explore/inspector";
import { VideoStage } from "./video";

const Cloud = lazy(() => import("./cloud"));

/** Characters of a text that are shown. */
const SHOWN = 1_000_000;

export function MediaSample({ name, gitRef, sample }: { name: string; gitRef: string; sample: Sample }) {
  const t = useWords();
  const address = mediaUrl(name, gitRef, sample.path, sample.media?.blob);
  const mime = sample.media?.mime ?? "";
  const labels = Object.values(sample.layers ?? {}).flat();
  return (
    <div className="flex min-h-0 flex-1">
      <main className="relative flex min-w-0 flex-1 flex-col items-center justify-center overflow-hidden bg-bg">
        {mime.startsWith("video/") ? (
          <VideoStage address={address} sample={sample} />
        ) : mime.startsWith("audio/") ? (
          <div className="flex w-full max-w-4xl flex-col gap-4 p-6">
            <img
              alt=""
              className="wave w-full rounded"
              src={thumbUrl(name, gitRef, sample.path, 1024, sample.media?.blob)}
            />
            {/* biome-ignore lint/a11y/useMediaCaption: the transcript stands below */}
            <audio src={address} controls className="w-full" />
            <Transcript labels={labels} />
          </div>
        ) : mime.startsWith("text/") || mime === "application/json" ? (
          <TextMedia address={address} labels={labels} />
        ) : /\.(bin|pcd|ply|las|laz)$/i.test(sample.path) || mime.includes("point") ? (
          <Suspense>
            <Cloud address={address} path={sample.path} labels={labels} />
          </Suspense>
        ) : (
          <p className="text-ink-2">
            {t("cannotShow")}{" "}
            <a href={address} download className="text-accent hover:underline">
              {sample.path.split("/").at(-1)}
            </a>
          </p>
        )}
      </main>
      <aside aria-label={t("labels")} className="w-72 shrink-0 overflow-y-auto border-s border-line px-3 max-md:hidden">
        {Object.entries(sample.layers ?? {}).map(([layer, list]) => (
          <Section key={layer} title={layer} side={<span className="text-11 text-ink-3">{grouped(list.length)}</span>}>
            {list.slice(0, 500).map((label) => (
              <div key={label.id} className="flex h-6 items-center gap-2 text-12">
                <span className="size-2 shrink-0 rounded-full" style={{ background: classVar(label.class) }} />
                <bdi className="min-w-0 flex-1 truncate">{label.class ?? label.instance ?? "—"}</bdi>
                <span className="font-mono text-11 text-ink-3">{label.type}</span>
              </div>
            ))}
          </Section>
        ))}
        <Section title={t("sample")}>
          <Facts sample={sample} />
        </Section>
      </aside>
    </div>
  );
}

function Transcript({ labels }: { labels: readonly Label[] }) {
  return (
    <>
      {labels.map((label) =>
        label.type === "sentence" ? (
          <p key={label.id} dir="auto" className="leading-7">
            {(label.shape.sentence ?? []).map((word, i) => (
              <span
                key={i}
                title={
                  word.begin === undefined
                    ? undefined
                    : `${word.begin.toFixed(2)}–${(word.end ?? word.begin).toFixed(2)} s`
                }
                className="rounded px-0.5 hover:bg-bg-3"
              >
                {word.text}{" "}
              </span>
            ))}
          </p>
        ) : null,
      )}
    </>
  );
}

function TextMedia({ address, labels }: { address: string; labels: readonly Label[] }) {
  const text = useQuery({
    queryKey: ["text", address],
    queryFn: () => fetch(address).then((r) => r.text()),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const letters = [...(text.data ?? "").slice(0, SHOWN)];
  const spans = labels
    .flatMap((l) => (l.type === "text_span" ? [{ ...l.shape, class: l.class }] : []))
    .sort((a, b) => a.begin - b.begin);
  const parts: { text: string; class?: string }[] = [];
  let at = 0;
  for (const span of spans) {
    if (span.begin < at) continue;
    parts.push({ text: letters.slice(at, span.begin).join("") });
    parts.push({ text: letters.slice(span.begin, span.end).join(""), class: span.class ?? "" });
    at = span.end;
  }
  parts.push({ text: letters.slice(at).join("") });
  return (
    <div dir="auto" className="h-full w-full max-w-3xl overflow-auto p-6 text-15 leading-7 whitespace-pre-wrap">
      {parts.map((part, i) =>
        part.class === undefined ? (
          part.text
        ) : (
          <mark
            key={i}
            title={part.class}
            className="rounded-sm bg-transparent text-ink"
            style={{ boxShadow: `inset 0 -2px ${classVar(part.class)}` }}
          >
            {part.text}
            <span className="ms-1 text-11 text-ink-3">{part.class}</span>
          </mark>
        ),
      )}
    </div>
  );
}
