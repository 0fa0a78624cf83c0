/** The sample in focus: picture, facts, labels. */
import { thumbUrl } from "../../api/client";
import { useDraft } from "../../api/draft";
import type { Sample } from "../../api/types";
import { Button, Section } from "../../kit";
import { classVar } from "../../lib/color";
import { bytes, grouped, middle } from "../../lib/format";
import { useWords } from "../../lib/i18n";
import { DraftBar } from "../sample/draftbar";

export function Inspector({
  name,
  gitRef,
  sample,
  onOpen,
}: {
  name: string;
  gitRef: string;
  sample: Sample | undefined;
  onOpen(): void;
}) {
  const t = useWords();
  const draft = useDraft(name, gitRef, "");
  return (
    <aside
      aria-label={t("sample")}
      className="flex w-72 shrink-0 flex-col overflow-y-auto border-s border-line max-lg:hidden"
    >
      <div className="px-3">
        <DraftBar draft={draft} />
      </div>
      {sample ? (
        <>
          <div className="flex aspect-4/3 shrink-0 items-center justify-center bg-media">
            {sample.media?.mime?.startsWith("image/") && (
              <img
                alt={sample.path}
                src={thumbUrl(name, gitRef, sample.path, 512, sample.media.blob)}
                className="max-h-full max-w-full object-contain"
              />
            )}
          </div>
          <div className="px-3">
            <div className="flex items-center justify-between gap-2 py-2">
              <bdi className="min-w-0 font-mono text-12 break-all" title={sample.path}>
                {middle(sample.path, 60)}
              </bdi>
              <Button onClick={onOpen}>{t("open")}</Button>
            </div>
            <Facts sample={sample} />
            {Object.entries(sample.layers ?? {}).map(([layer, labels]) => {
              const counts = new Map<string, number>();
              for (const label of labels)
                counts.set(label.class ?? label.type, (counts.get(label.class ?? label.type) ?? 0) + 1);
              return (
                <Section
                  key={layer}
                  title={layer}
                  side={<span className="text-11 text-ink-3">{grouped(labels.length)}</span>}
                >
                  {[...counts].slice(0, 30).map(([value, count]) => (
                    <div key={value} className="flex items-center gap-2 py-0.5 text-12">
                      <span className="size-2 shrink-0 rounded-full" style={{ background: classVar(value) }} />
                      <bdi className="min-w-0 flex-1 truncate">{value}</bdi>
                      <span className="text-ink-2">{count}</span>
                    </div>
                  ))}
                </Section>
              );
            })}
          </div>
        </>
      ) : (
        <p className="p-3 text-ink-3">{t("noSelection")}</p>
      )}
    </aside>
  );
}

/** What a sample says of itself, as a table of two columns. */
export function Facts({ sample }: { sample: Sample }) {
  const t = useWords();
  const { media } = sample;
  const rows: [string, string][] = [];
  if (sample.split) rows.push([t("split"), sample.split]);
  if (media?.mime) rows.push([t("mime"), media.mime]);
  if (media?.width) rows.push([t("dimensions"), `${media.width} × ${media.height}`]);
  if (media) rows.push([t("size"), bytes(media.size)]);
  if (sample.frame) rows.push([t("frame"), sample.frame]);
  if (sample.sensor) rows.push(["sensor", sample.sensor]);
  if (sample.timestamp !== undefined) rows.push([t("time"), String(sample.timestamp)]);
  for (const [key, value] of Object.entries(sample.fields ?? {}))
    rows.push([key, typeof value === "string" ? value : JSON.stringify(value)]);
  return (
    <dl className="grid grid-cols-[minmax(64px,auto)_1fr] gap-x-3 border-t border-line py-2 text-12">
      {rows.map(([key, value]) => (
        <div key={key} className="contents">
          <dt className="truncate text-ink-3">{key}</dt>
          <dd className="min-w-0 break-words" dir="auto">
            {value.length > 300 ? `${value.slice(0, 300)}…` : value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
