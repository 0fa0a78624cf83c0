/** The tools of the stage, each with its key. */
import {
  Brush,
  Diamond,
  Eraser,
  Maximize,
  MousePointer2,
  PersonStanding,
  Redo2,
  Spline,
  Square,
  Trash2,
  Undo2,
  VectorSquare,
  Wand2,
  ZoomIn,
  ZoomOut,
} from "lucide-react";
import { IconButton } from "../../kit";
import { useWords, type Word } from "../../lib/i18n";
import { TOOLS, type Tool } from "../../stage/modes";
import type { Stage, StageState } from "../../stage/stage";

const WORDS: Record<Tool, Word> = {
  select: "toolSelect",
  box2d: "toolBox",
  rotated_box: "toolRotated",
  polygon: "toolPolygon",
  polyline: "toolPolyline",
  keypoints: "toolKeypoints",
  brush: "toolBrush",
  eraser: "toolEraser",
  wand: "toolWand",
};

export function toolWord(tool: Tool): Word {
  return WORDS[tool];
}

const ICONS = {
  select: MousePointer2,
  box2d: Square,
  rotated_box: Diamond,
  polygon: VectorSquare,
  polyline: Spline,
  keypoints: PersonStanding,
  brush: Brush,
  eraser: Eraser,
  wand: Wand2,
} as const;

export function ToolBar({ stage, state }: { stage: Stage; state: StageState }) {
  const t = useWords();
  const size = { size: 16, strokeWidth: 1.75 };
  return (
    <div
      role="toolbar"
      aria-label={t("tools")}
      aria-orientation="vertical"
      className="flex w-10 shrink-0 flex-col items-center gap-0.5 overflow-y-auto border-e border-line py-1.5"
    >
      {TOOLS.map(({ name, key }) => {
        const Icon = ICONS[name];
        return (
          <IconButton
            key={name}
            name={t(WORDS[name])}
            keys={key.toUpperCase()}
            pressed={state.tool === name}
            onClick={() => stage.setTool(name)}
          >
            <Icon {...size} />
          </IconButton>
        );
      })}
      {(state.tool === "brush" || state.tool === "eraser") && (
        <input
          type="range"
          min={1}
          max={80}
          defaultValue={stage.brush}
          aria-label={t("brushSize")}
          title={t("brushSize")}
          className="my-1 h-20 w-4 accent-accent [direction:rtl] [writing-mode:vertical-lr]"
          onChange={(e) => {
            stage.brush = Number(e.target.value);
            stage.redraw();
          }}
        />
      )}
      {state.tool === "wand" && (
        <input
          type="range"
          min={1}
          max={100}
          defaultValue={stage.tolerance}
          aria-label={t("tolerance")}
          title={t("tolerance")}
          className="my-1 h-20 w-4 accent-accent [direction:rtl] [writing-mode:vertical-lr]"
          onChange={(e) => {
            stage.tolerance = Number(e.target.value);
          }}
        />
      )}
      <hr className="my-1 w-6 border-line" />
      <IconButton name={t("undo")} keys="Ctrl Z" disabled={!state.canUndo} onClick={() => stage.undo()}>
        <Undo2 {...size} />
      </IconButton>
      <IconButton name={t("redo")} keys="Ctrl ⇧ Z" disabled={!state.canRedo} onClick={() => stage.redo()}>
        <Redo2 {...size} />
      </IconButton>
      <IconButton name={t("delete")} keys="Del" disabled={state.selected.length === 0} onClick={() => stage.remove()}>
        <Trash2 {...size} />
      </IconButton>
      <hr className="my-1 w-6 border-line" />
      <IconButton name={t("zoomIn")} keys="+" onClick={() => stage.zoom(1.4)}>
        <ZoomIn {...size} />
      </IconButton>
      <IconButton name={t("zoomOut")} keys="−" onClick={() => stage.zoom(1 / 1.4)}>
        <ZoomOut {...size} />
      </IconButton>
      <IconButton name={t("fit")} keys="F" onClick={() => stage.fitAll()}>
        <Maximize {...size} />
      </IconButton>
      <span className="mt-auto text-11 text-ink-3">{Math.round(state.scale * 100)}%</span>
    </div>
  );
}
