/** The stage of an image: tools at the left, layers and labels at the right. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { mediaUrl } from "../../api/client";
import { useDraft } from "../../api/draft";
import { useOntology, useStats } from "../../api/hooks";
import type { Sample } from "../../api/types";
import { useWords } from "../../lib/i18n";
import { useShortcuts } from "../../lib/keys";
import { usePicture } from "../../lib/picture";
import { useSettings } from "../../lib/settings";
import type { Doc } from "../../stage/doc";
import { apply } from "../../stage/history";
import { type Matching, match } from "../../stage/match";
import { TOOLS } from "../../stage/modes";
import { useStage } from "../../stage/react";
import type { LayerView } from "../../stage/stage";
import { useDataset } from "../shell";
import { LabelPanel } from "./labels";
import { ToolBar, toolWord } from "./tools";

interface Props {
  name: string;
  gitRef: string;
  sample: Sample;
  commit: string;
  label: number | undefined;
  stale: boolean;
}

const NONE: Doc = {};

export function ImageSample({ name, gitRef, sample, commit, label, stale }: Props) {
  const t = useWords();
  const navigate = useNavigate();
  const { params } = useDataset();
  const ontology = useOntology(name, gitRef).data;
  const stats = useStats(name, gitRef).data;
  const draft = useDraft(name, gitRef, commit);
  const saved = sample.layers ?? NONE;
  const mine = draft.patchOf(sample.path);
  const doc = useMemo(() => apply(saved as Doc, mine), [saved, mine]);
  const layers = useMemo(() => [...new Set(["truth", ...Object.keys(saved)])], [saved]);
  const [active, setActive] = useState("truth");
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const [against, setAgainst] = useState<string>();
  const [least, setLeast] = useState(0);
  const [className, setClassName] = useState<string>();
  const theme = useSettings((s) => s.theme);
  const { host, stage, state } = useStage((patch) => draft.record(sample.path, patch));
  const { image, failed } = usePicture(mediaUrl(name, gitRef, sample.path, sample.media?.blob));

  const skeleton = useMemo(() => {
    const found = ontology?.types.keypoints?.skeletons?.[0];
    const points = Object.values(saved)
      .flat()
      .find((l) => l.type === "keypoints");
    const count = found?.names?.length || (points?.type === "keypoints" ? points.shape.length : 17);
    const edges = (found?.edges ?? []).filter(([a, b]) => a < count && b < count);
    return { count, edges };
  }, [ontology, saved]);

  const matching = useMemo<Matching | undefined>(
    () =>
      against
        ? match(
            state.doc.truth ?? [],
            (state.doc[against] ?? []).filter((l) => (l.confidence ?? 1) >= least),
          )
        : undefined,
    [state.doc, against, least],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another sample is another document; own edits are in it already
  useEffect(() => {
    if (stage && !stale) {
      stage.load(doc, active);
      if (label !== undefined) stage.select([label], true);
    }
  }, [stage, sample.path, commit, stale]);
  useEffect(() => {
    const { width = 1, height = 1, orientation = 1 } = sample.media ?? {};
    if (image) stage?.setPicture(image, image.naturalWidth, image.naturalHeight);
    else stage?.setPicture(undefined, orientation >= 5 ? height : width, orientation >= 5 ? width : height);
  }, [stage, image, sample.media]);
  useEffect(() => {
    const truth = new Map<number, string>();
    const predicted = new Map<number, string>();
    for (const [prediction, label] of matching?.hits ?? []) {
      truth.set(label, "--good");
      predicted.set(prediction, "--good");
    }
    for (const id of matching?.misses ?? []) truth.set(id, "--warn");
    for (const id of matching?.falseAlarms ?? []) predicted.set(id, "--bad");
    const views: LayerView[] = layers.map((layer) => ({
      name: layer,
      shown: !off.has(layer),
      dashed: layer !== "truth",
      tints: matching && layer === "truth" ? truth : matching && layer === against ? predicted : undefined,
      least: layer === against ? least : 0,
    }));
    stage?.setLayers(views, active);
  }, [stage, layers, off, active, matching, against, least]);
  useEffect(() => stage?.setClass(className, skeleton), [stage, className, skeleton]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme has other colours
  useEffect(() => stage?.redraw(), [stage, theme]);

  const classes = useMemo(() => {
    const names = new Set(Object.keys(stats?.classes ?? {}));
    for (const schema of Object.values(ontology?.types ?? {}))
      for (const entry of schema.classes ?? []) names.add(entry.name);
    for (const labels of Object.values(state.doc)) for (const l of labels) if (l.class) names.add(l.class);
    return [...names];
  }, [ontology, stats, state.doc]);

  const classify = useCallback(
    (value: string) => {
      setClassName(value);
      stage?.classify(value);
    },
    [stage],
  );

  const shortcuts = useMemo(() => {
    const leave = {
      keys: "Escape",
      name: t("cancel"),
      run: () => {
        if (!stage?.cancel())
          void navigate({
            to: "/d/$org/$name/explore",
            params,
            search: (s) => ({ ref: s.ref, q: (s as { q?: string }).q, at: (s as { at?: number }).at }),
          });
      },
    };
    if (!stage) return [leave];
    return [
      ...TOOLS.map((tool) => ({ keys: tool.key, name: t(toolWord(tool.name)), run: () => stage.setTool(tool.name) })),
      { keys: "mod+z", name: t("undo"), run: () => stage.undo() },
      { keys: "mod+shift+z", name: t("redo"), run: () => stage.redo() },
      { keys: "mod+y", name: t("redo"), run: () => stage.redo() },
      { keys: "Delete", name: t("delete"), run: () => stage.remove() },
      { keys: "Backspace", name: t("delete"), run: () => stage.remove() },
      { keys: "Enter", name: t("finishShape"), run: () => stage.finish() },
      { keys: "Tab", name: t("nextLabel"), run: () => stage.step(1) },
      { keys: "shift+Tab", name: t("previousLabel"), run: () => stage.step(-1) },
      { keys: "f", name: t("fit"), run: () => stage.fitAll() },
      { keys: "+", name: t("zoomIn"), run: () => stage.zoom(1.4) },
      { keys: "=", name: t("zoomIn"), run: () => stage.zoom(1.4) },
      { keys: "-", name: t("zoomOut"), run: () => stage.zoom(1 / 1.4) },
      { keys: "shift+ArrowLeft", name: "← 1 px", run: () => stage.nudge(-1, 0) },
      { keys: "shift+ArrowRight", name: "→ 1 px", run: () => stage.nudge(1, 0) },
      { keys: "shift+ArrowUp", name: "↑ 1 px", run: () => stage.nudge(0, -1) },
      { keys: "shift+ArrowDown", name: "↓ 1 px", run: () => stage.nudge(0, 1) },
      ...classes
        .slice(0, 9)
        .map((value, i) => ({ keys: String(i + 1), name: `${t("class")} ${value}`, run: () => classify(value) })),
      leave,
    ];
  }, [stage, t, classes, classify, navigate, params]);
  useShortcuts(t("tools"), shortcuts);

  return (
    <div className="flex min-h-0 flex-1">
      {stage && <ToolBar stage={stage} state={state} />}
      <div
        ref={host}
        role="application"
        aria-label={`${t("sample")} ${sample.path}`}
        tabIndex={0}
        className="relative min-w-0 flex-1 overflow-hidden bg-media outline-none"
      >
        {failed && <p className="absolute inset-x-0 top-1/2 z-10 text-center text-white/70">{t("cannotShow")}</p>}
      </div>
      {stage && (
        <LabelPanel
          stage={stage}
          state={state}
          sample={sample}
          layers={layers}
          active={active}
          onActive={setActive}
          off={off}
          onOff={setOff}
          classes={classes}
          className={className}
          onClassify={classify}
          ontology={ontology}
          against={against}
          onAgainst={setAgainst}
          least={least}
          onLeast={setLeast}
          matching={matching}
          draft={draft}
        />
      )}
    </div>
  );
}
