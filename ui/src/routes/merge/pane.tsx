/** One side of a conflict on its picture: the label that is fought over in colour, the others grey. */
import { useEffect, useRef } from "react";
import { mediaUrl } from "../../api/client";
import { useSample } from "../../api/hooks";
import type { Conflict, Label } from "../../api/types";
import { token } from "../../lib/color";
import { usePicture } from "../../lib/picture";
import { useSettings } from "../../lib/settings";
import { boxAround } from "../../stage/doc";
import { drawLabels } from "../../stage/render";
import { fitImage, zoomAt } from "../../stage/viewport";

interface Props {
  name: string;
  gitRef: string;
  conflict: Conflict;
  side: "ours" | "theirs";
  title: string;
}

export function ConflictPane({ name, gitRef, conflict, side, title }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useSettings((s) => s.theme);
  const sample = useSample(name, gitRef, conflict.path || undefined).data?.sample;
  const isImage = sample?.media?.mime?.startsWith("image/") ?? false;
  const { image } = usePicture(sample && isImage ? mediaUrl(name, gitRef, sample.path, sample.media?.blob) : undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme has other colours
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      const { clientWidth: width, clientHeight: height } = element;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      const context = element.getContext("2d");
      if (!context || !image) return;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const size = { width: image.naturalWidth, height: image.naturalHeight };
      const mine = conflict.part.of === "label" ? (conflict[side] as Label | undefined) : undefined;
      const base = conflict.part.of === "label" ? (conflict.base as Label | undefined) : undefined;
      let view = fitImage(size, { width, height }, 8);
      const box = (mine ?? base) && boxAround((mine ?? base)!);
      if (box) {
        // The label in the middle, large enough to judge.
        const factor = Math.max(
          1,
          Math.min(
            6,
            (Math.min(width, height) * 0.45) / (Math.max(box.xmax - box.xmin, box.ymax - box.ymin, 8) * view.scale),
          ),
        );
        const at = {
          x: ((box.xmin + box.xmax) / 2) * view.scale + view.x,
          y: ((box.ymin + box.ymax) / 2) * view.scale + view.y,
        };
        view = zoomAt(
          { ...view, x: view.x + (width / 2 - at.x), y: view.y + (height / 2 - at.y) },
          { x: width / 2, y: height / 2 },
          factor,
        );
      }
      context.drawImage(image, view.x, view.y, size.width * view.scale, size.height * view.scale);
      const others = Object.values(sample?.layers ?? {})
        .flat()
        .filter((l) => l.id !== conflict.part.id);
      drawLabels(context, others, view, { fill: 0, width: 1, color: token("--ink-3") });
      if (base) drawLabels(context, [base], view, { fill: 0, width: 1.5, dashed: true, color: token("--ink-2") });
      if (mine)
        drawLabels(context, [mine], view, {
          fill: 0.2,
          width: 2.5,
          color: token(side === "ours" ? "--accent" : "--odd"),
          names: true,
        });
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [image, sample, conflict, side, theme]);
  return (
    <figure className="relative flex min-w-0 flex-1 flex-col border-e border-line last:border-e-0">
      <figcaption className="flex h-6 shrink-0 items-center px-2 text-11 text-ink-3">{title}</figcaption>
      <div className="relative min-h-0 flex-1 overflow-hidden bg-media">
        <canvas
          ref={canvas}
          className="absolute inset-0 size-full"
          role="img"
          aria-label={`${title} ${conflict.place}`}
        />
      </div>
    </figure>
  );
}
