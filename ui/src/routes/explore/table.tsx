/** The samples as rows of a table, as many as there are. */
import { useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { useRef } from "react";
import type { Rows } from "../../api/hooks";
import { BLOCK } from "../../grid/layout";
import * as ranges from "../../grid/ranges";
import { bytes, grouped, middle } from "../../lib/format";
import { useWords } from "../../lib/i18n";

interface Props {
  rows: Rows;
  selection: ranges.Ranges;
  focus: number;
  onSelect(selection: ranges.Ranges): void;
  onFocus(index: number): void;
  onOpen(index: number): void;
}

const ROW = 24;
/** Rows above which the table shows a window of them: an element can be only so high. */
const MOST = 500_000;

export default function SampleTable({ rows, selection, focus, onSelect, onFocus, onOpen }: Props) {
  const t = useWords();
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: Math.min(MOST, rows.total ?? 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 20,
  });
  const columns = "grid grid-cols-[28px_minmax(200px,2fr)_80px_120px_110px_90px_minmax(120px,1.4fr)] items-center";
  const step = (to: number) => {
    const index = Math.max(0, Math.min((rows.total ?? 1) - 1, to));
    onFocus(index);
    virtual.scrollToIndex(index);
  };
  return (
    <div className="absolute inset-0 flex flex-col text-12">
      <div className={`${columns} h-6 shrink-0 border-b border-line text-11 text-ink-3`} aria-hidden="true">
        <span />
        <span>{t("path")}</span>
        <span>{t("split")}</span>
        <span>{t("mime")}</span>
        <span className="pe-4 text-end">{t("dimensions")}</span>
        <span className="pe-4 text-end">{t("size")}</span>
        <span>{t("labels")}</span>
      </div>
      <div
        ref={scroller}
        role="listbox"
        aria-label={t("samples")}
        aria-multiselectable="true"
        aria-activedescendant={`row-${focus}`}
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto"
        onKeyDown={(e) => {
          if (e.key === "ArrowDown") step(focus + 1);
          else if (e.key === "ArrowUp") step(focus - 1);
          else if (e.key === "Home") step(0);
          else if (e.key === "End") step((rows.total ?? 1) - 1);
          else if (e.key === "Enter") onOpen(focus);
          else if (e.key === " ") onSelect(ranges.toggle(selection, focus));
          else return;
          e.preventDefault();
        }}
      >
        <div className="relative" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const sample = rows.block(Math.floor(index / BLOCK))?.[index % BLOCK];
            const labels = Object.values(sample?.layers ?? {}).flat();
            const classes = new Map<string, number>();
            for (const l of labels) classes.set(l.class ?? l.type, (classes.get(l.class ?? l.type) ?? 0) + 1);
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list box has the keys
              <div
                key={index}
                id={`row-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={ranges.has(selection, index)}
                className={clsx(
                  columns,
                  "absolute inset-x-0 border-b border-line",
                  index === focus ? "bg-bg-2" : "hover:bg-bg-1",
                  ranges.has(selection, index) && "!bg-accent-soft",
                )}
                style={{ height: ROW, transform: `translateY(${start}px)` }}
                onClick={(e) => {
                  if (e.ctrlKey || e.metaKey) onSelect(ranges.toggle(selection, index));
                  else if (e.shiftKey)
                    onSelect(ranges.union(selection, ranges.range(Math.min(focus, index), Math.max(focus, index) + 1)));
                  onFocus(index);
                }}
                onDoubleClick={() => onOpen(index)}
              >
                <span
                  className={clsx(
                    "mx-auto size-3 rounded-sm border border-line-2",
                    ranges.has(selection, index) && "border-accent bg-accent",
                  )}
                  onClick={(e) => {
                    e.stopPropagation();
                    onSelect(ranges.toggle(selection, index));
                  }}
                  aria-hidden="true"
                />
                <bdi className="truncate font-mono" title={sample?.path}>
                  {sample ? middle(sample.path, 72) : "…"}
                </bdi>
                <span className="truncate">{sample?.split}</span>
                <span className="truncate text-ink-2">{sample?.media?.mime}</span>
                <span className="pe-4 text-end">
                  {sample?.media?.width ? `${sample.media.width}×${sample.media.height}` : ""}
                </span>
                <span className="pe-4 text-end">{sample?.media ? bytes(sample.media.size) : ""}</span>
                <span className="truncate text-ink-2">
                  {labels.length > 0 && <span className="text-ink">{grouped(labels.length)} </span>}
                  {[...classes].map(([name, n]) => `${name} ${n}`).join(", ")}
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
