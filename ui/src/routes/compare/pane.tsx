/** One side of a comparison: the picture with its labels, the changed ones in the colour of their change. */
import { useEffect, useRef } from "react";
import { mediaUrl } from "../../api/client";
import type { DiffLine, Sample } from "../../api/types";
import { token } from "../../lib/color";
import { useWords } from "../../lib/i18n";
import { usePicture } from "../../lib/picture";
import { useSettings } from "../../lib/settings";
import type { Label } from "../../stage/doc";
import { drawLabels } from "../../stage/render";
import { fitImage } from "../../stage/viewport";

interface Props {
  name: string;
  gitRef: string;
  sample: Sample | undefined;
  line: DiffLine;
  side: "old" | "new";
  title: string;
}

export function ComparePane({ name, gitRef, sample, line, side, title }: Props) {
  const t = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useSettings((s) => s.theme);
  const isImage = sample?.media?.mime?.startsWith("image/") ?? false;
  const { image, failed } = usePicture(
    sample && isImage ? mediaUrl(name, gitRef, sample.path, sample.media?.blob) : undefined,
  );
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
      if (!context) return;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      const size = image
        ? { width: image.naturalWidth, height: image.naturalHeight }
        : { width: sample?.media?.width ?? 4, height: sample?.media?.height ?? 3 };
      const view = fitImage(size, { width, height }, 8);
      if (image) context.drawImage(image, view.x, view.y, size.width * view.scale, size.height * view.scale);
      const touched = new Map<string, "added" | "removed" | "changed">();
      for (const change of line.labels)
        touched.set(`${change.layer} ${(change[side] ?? change.old)?.id}`, change.change);
      const groups: Record<string, Label[]> = { same: [], added: [], removed: [], changed: [] };
      for (const [layer, labels] of Object.entries(sample?.layers ?? {})) {
        for (const label of labels) groups[touched.get(`${layer} ${label.id}`) ?? "same"]?.push(label);
      }
      drawLabels(context, groups.same ?? [], view, { fill: 0, width: 1, color: token("--ink-3") });
      const colors = { added: "--good", removed: "--bad", changed: "--warn" } as const;
      for (const [change, color] of Object.entries(colors)) {
        drawLabels(context, groups[change] ?? [], view, {
          fill: 0.16,
          width: 2,
          color: token(color),
          names: true,
          dashed: change === "removed",
        });
      }
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [image, sample, line, side, theme]);
  return (
    <figure className="relative flex min-h-0 min-w-0 flex-1 flex-col border-e border-line last:border-e-0">
      <figcaption className="flex h-6 shrink-0 items-center justify-between px-2 text-11 text-ink-3">
        {title}
        <span className="font-mono">{/^[0-9a-f]{64}$/.test(gitRef) ? gitRef.slice(0, 12) : gitRef}</span>
      </figcaption>
      <div className="relative min-h-0 flex-1 bg-media">
        <canvas ref={canvas} className="absolute inset-0 size-full" role="img" aria-label={`${title} ${line.path}`} />
        {!sample && (
          <p className="absolute inset-0 grid place-items-center text-white/70">
            {side === "old" ? t("added") : t("removed")}
          </p>
        )}
        {failed && <p className="absolute inset-0 grid place-items-center text-white/70">{t("cannotShow")}</p>}
      </div>
    </figure>
  );
}
