/** Samples of one filter: as a grid, a table, or a map; facets at the left, the sample in focus at the right. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Image, PanelRight, Rows3, Tags } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { thumbUrl } from "../api/client";
import { useRows } from "../api/hooks";
import type { Sample } from "../api/types";
import { Grid, type GridRow } from "../grid/grid";
import { BLOCK } from "../grid/layout";
import * as ranges from "../grid/ranges";
import { Button, Empty, Failure, IconButton, Segments } from "../kit";
import { grouped } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useShortcuts } from "../lib/keys";
import { useSettings } from "../lib/settings";
import { drawLabels } from "../stage/render";
import { BulkEdit } from "./explore/bulk";
import { FacetPanel } from "./explore/facets";
import { FilterBar } from "./explore/filterbar";
import { Inspector } from "./explore/inspector";
import { useDataset } from "./shell";

const SampleTable = lazy(() => import("./explore/table"));

export function Explore() {
  const t = useWords();
  const { name, ref, params } = useDataset();
  const search = useSearch({ from: "/d/$org/$name/explore" });
  const filter = search.q ?? "";
  const view = search.view ?? "grid";
  const navigate = useNavigate({ from: "/d/$org/$name/explore" });
  const rows = useRows(name, ref, filter);
  const { tile, overlays, set } = useSettings();
  const [selection, setSelection] = useState<ranges.Ranges>(ranges.none);
  const [focus, setFocus] = useState(search.at ?? 0);
  const shown = useRef<HTMLSpanElement>(null);
  const [inspector, setInspector] = useState(true);
  const count = ranges.count(selection);

  const setFilter = useCallback(
    (q: string) => void navigate({ search: (s) => ({ ...s, q: q.trim() === "" ? undefined : q, at: undefined }) }),
    [navigate],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another query has other rows
  useEffect(() => setSelection(ranges.none), [name, ref, filter]);

  const open = useCallback(
    (index: number) => {
      const path = rows.row(index)?.path;
      if (path !== undefined)
        void navigate({ to: "/d/$org/$name/sample", params, search: { ref, path, q: search.q, at: index } });
    },
    [rows, navigate, params, ref, search.q],
  );

  const shortcuts = useMemo(
    () => [
      { keys: "/", name: t("filter"), run: () => document.getElementById("filter")?.focus() },
      { keys: "l", name: t("showLabels"), run: () => set({ overlays: !useSettings.getState().overlays }) },
      { keys: "i", name: t("sample"), run: () => setInspector((now) => !now) },
      { keys: "1", name: t("grid"), run: () => void navigate({ search: (s) => ({ ...s, view: undefined }) }) },
      { keys: "2", name: t("table"), run: () => void navigate({ search: (s) => ({ ...s, view: "table" }) }) },
      {
        keys: "+",
        name: `${t("tileSize")} +`,
        run: () => set({ tile: Math.min(480, Math.round(useSettings.getState().tile * 1.25)) }),
      },
      {
        keys: "-",
        name: `${t("tileSize")} −`,
        run: () => set({ tile: Math.max(56, Math.round(useSettings.getState().tile / 1.25)) }),
      },
    ],
    [t, set, navigate],
  );
  useShortcuts(t("explore"), shortcuts);

  return (
    <div className="flex h-full">
      <FacetPanel name={name} gitRef={ref} filter={filter} onFilter={setFilter} />
      <main className="flex min-w-0 flex-1 flex-col">
        <div className="flex h-10 shrink-0 items-center gap-2 border-b border-line px-2">
          <FilterBar name={name} gitRef={ref} filter={filter} onFilter={setFilter} />
          <Segments
            name={t("explore")}
            value={view}
            onChange={(next) => void navigate({ search: (s) => ({ ...s, view: next === "grid" ? undefined : next }) })}
            options={[
              { value: "grid", label: <Image size={14} />, title: t("grid") },
              { value: "table", label: <Rows3 size={14} />, title: t("table") },
            ]}
          />
          <IconButton name={t("showLabels")} keys="L" pressed={overlays} onClick={() => set({ overlays: !overlays })}>
            <Tags size={16} strokeWidth={1.75} />
          </IconButton>
          <input
            type="range"
            min={56}
            max={480}
            value={tile}
            aria-label={t("tileSize")}
            title={t("tileSize")}
            className="w-20 accent-accent max-lg:hidden"
            onChange={(e) => set({ tile: Number(e.target.value) })}
          />
          <IconButton name={t("sample")} keys="I" pressed={inspector} onClick={() => setInspector(!inspector)}>
            <PanelRight size={16} strokeWidth={1.75} />
          </IconButton>
        </div>
        <div className="relative min-h-0 flex-1">
          {rows.error !== undefined && rows.total === undefined ? (
            <Failure error={rows.error} retry={rows.retry} />
          ) : rows.total === 0 ? (
            <Empty
              action={filter ? <Button onClick={() => setFilter("")}>{t("clearFilter")}</Button> : undefined}
              command={filter ? `tamis search ${name} '${filter}'` : `tamis import FOLDER ${name}`}
            >
              {t("nothingFits")}
            </Empty>
          ) : view === "table" ? (
            <Suspense>
              <SampleTable
                rows={rows}
                selection={selection}
                onSelect={setSelection}
                focus={focus}
                onFocus={setFocus}
                onOpen={open}
              />
            </Suspense>
          ) : (
            <GridView
              name={name}
              gitRef={ref}
              rows={rows}
              selection={selection}
              onSelect={setSelection}
              at={search.at ?? 0}
              onFocus={setFocus}
              onOpen={open}
              onWindow={(first, last) => {
                // Past React: this changes with every frame of scrolling.
                if (shown.current)
                  shown.current.textContent = `${grouped(first + 1)}–${grouped(last + 1)} ${t("ofTotal")} `;
              }}
            />
          )}
        </div>
        <footer className="flex h-7 shrink-0 items-center gap-3 border-t border-line px-2 text-12 text-ink-2">
          {rows.total === undefined ? (
            <span>…</span>
          ) : (
            <span>
              {view === "grid" && rows.total > 0 && <span ref={shown} />}
              {grouped(rows.total)} {t("samples").toLowerCase()}
            </span>
          )}
          {count > 0 && (
            <>
              <span className="text-accent">
                {grouped(count)} {t("selected")}
              </span>
              <button type="button" className="hover:text-ink" onClick={() => setSelection(ranges.none)}>
                {t("clear")} (Esc)
              </button>
              {rows.commit && (
                <BulkEdit name={name} gitRef={ref} filter={filter} selection={selection} commit={rows.commit} />
              )}
            </>
          )}
          <span className="ms-auto font-mono text-ink-3">{rows.commit?.slice(0, 12)}</span>
        </footer>
      </main>
      {inspector && <Inspector name={name} gitRef={ref} sample={rows.row(focus)} onOpen={() => open(focus)} />}
    </div>
  );
}

/** The sizes of thumbnails; few, so that a cache keeps them. */
const SIZES = [128, 256, 512];

/** What the grid shows of a sample. */
export function gridRow(name: string, gitRef: string, sample: Sample): GridRow {
  const media = sample.media;
  const turned = (media?.orientation ?? 1) >= 5;
  const { width = 4, height = 3 } = media ?? {};
  const aspect = turned ? height / width : width / height;
  const kind = media?.mime?.split("/")[0] ?? "";
  const pictured = kind === "image" || kind === "video" || kind === "audio";
  return {
    path: sample.path,
    aspect: media?.width ? aspect : 4 / 3,
    kind: media?.mime ?? "",
    caption: sample.layers?.truth?.find((label) => label.type === "classification")?.class,
    thumb(pixels) {
      if (!pictured) return undefined;
      const longer = pixels * Math.max(1, aspect);
      return thumbUrl(name, gitRef, sample.path, SIZES.find((size) => size >= longer * 0.8) ?? 512, media?.blob);
    },
  };
}

interface GridViewProps {
  name: string;
  gitRef: string;
  rows: ReturnType<typeof useRows>;
  selection: ranges.Ranges;
  at: number;
  onSelect(selection: ranges.Ranges): void;
  onFocus(index: number): void;
  onOpen(index: number): void;
  onWindow(first: number, last: number): void;
}

function GridView({ name, gitRef, rows, selection, at, onSelect, onFocus, onOpen, onWindow }: GridViewProps) {
  const t = useWords();
  const host = useRef<HTMLDivElement>(null);
  const grid = useRef<Grid>(undefined);
  const now = useRef({ rows, at, onSelect, onFocus, onOpen, onWindow });
  now.current = { rows, at, onSelect, onFocus, onOpen, onWindow };
  const made = useRef(new WeakMap<readonly Sample[], GridRow[]>());
  const { tile, overlays, theme } = useSettings();

  useEffect(() => {
    if (!host.current) return;
    const rowsOf = (block: number) => {
      const samples = now.current.rows.block(block);
      if (!samples) return undefined;
      let list = made.current.get(samples);
      if (!list) {
        list = samples.map((sample) => gridRow(name, gitRef, sample));
        made.current.set(samples, list);
      }
      return list;
    };
    const it = new Grid(host.current, {
      rows: rowsOf,
      overlay: (context, _, index, width, height) => {
        const sample = now.current.rows.block(Math.floor(index / BLOCK))?.[index % BLOCK];
        const media = sample?.media;
        if (!sample?.layers || !media?.width || !media.height) return;
        const scale = Math.min(width / media.width, height / media.height);
        const viewport = { scale, x: (width - media.width * scale) / 2, y: (height - media.height * scale) / 2 };
        for (const [layer, labels] of Object.entries(sample.layers)) {
          drawLabels(context, labels.slice(0, 2000), viewport, {
            fill: 0,
            width: 1.25,
            dashed: layer.startsWith("pred"),
            names: false,
          });
        }
      },
      onSelect: (next) => now.current.onSelect(next),
      onFocus: (index) => now.current.onFocus(index),
      onOpen: (index) => now.current.onOpen(index),
      onWindow: (a, b) => now.current.onWindow(a, b),
    });
    const { total } = now.current.rows;
    if (total !== undefined) it.setTotal(total, now.current.at);
    grid.current = it;
    return () => it.destroy();
  }, [name, gitRef]);
  useEffect(() => {
    if (grid.current) grid.current.label = t("samples");
  }, [t]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only another result moves the grid
  useEffect(() => {
    if (rows.total === undefined) return;
    grid.current?.setTotal(rows.total, at);
    grid.current?.setSelection(selection);
  }, [rows.total, rows.commit, name, gitRef]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every block that came in
  useEffect(() => grid.current?.refresh(), [rows.version]);
  useEffect(() => grid.current?.setSelection(selection), [selection]);
  useEffect(() => grid.current?.setRowHeight(tile), [tile]);
  useEffect(() => grid.current?.setOverlays(overlays), [overlays]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: overlays have the theme's colours
  useEffect(() => grid.current?.refresh(true), [theme]);
  return <div ref={host} className="absolute inset-0" />;
}
