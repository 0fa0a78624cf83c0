/** A video with its labels over it, frame by frame. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { Sample } from "../../api/types";
import { useWords } from "../../lib/i18n";
import { useShortcuts } from "../../lib/keys";
import { drawLabels } from "../../stage/render";
import { labelsAt } from "../../stage/track";
import { fitImage } from "../../stage/viewport";

/** Frames a second where the file does not say. */
const USUAL = 25;

export function VideoStage({ address, sample }: { address: string; sample: Sample }) {
  const t = useWords();
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState(0);
  const [failed, setFailed] = useState(false);
  const stated = Number(sample.fields?.["media.fps"]);
  const rate = stated > 0 ? stated : USUAL;

  useEffect(() => {
    const [film, over] = [video.current, canvas.current];
    if (!film || !over) return;
    let asked = 0;
    const draw = () => {
      asked = requestAnimationFrame(draw);
      const now = Math.floor(film.currentTime * rate + 1e-4);
      const { clientWidth: width, clientHeight: height } = film;
      const ratio = window.devicePixelRatio || 1;
      const state = `${now} ${width} ${height} ${film.videoWidth}`;
      if (over.dataset.state === state) return;
      over.dataset.state = state;
      setFrame(now);
      over.width = Math.round(width * ratio);
      over.height = Math.round(height * ratio);
      const context = over.getContext("2d");
      if (!context || film.videoWidth === 0) return;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const size = { width: film.videoWidth, height: film.videoHeight };
      const whole = fitImage(size, { width, height }, 0);
      const scale = Math.min(width / size.width, height / size.height);
      const view = { ...whole, scale, x: (width - size.width * scale) / 2, y: (height - size.height * scale) / 2 };
      for (const [layer, labels] of Object.entries(sample.layers ?? {})) {
        drawLabels(context, labelsAt(labels, now), view, { names: true, dashed: layer !== "truth" });
      }
    };
    draw();
    return () => cancelAnimationFrame(asked);
  }, [sample, rate]);

  const shortcuts = useMemo(() => {
    const step = (by: number) => {
      const film = video.current;
      if (!film) return;
      film.pause();
      // The middle of a frame, so that rounding never shows the one before.
      const next = Math.max(0, Math.floor(film.currentTime * rate + 1e-4) + by);
      film.currentTime = (next + 0.5) / rate;
    };
    return [
      {
        keys: " ",
        name: t("play"),
        run: () => void (video.current?.paused ? video.current.play() : video.current?.pause()),
      },
      { keys: ".", name: `${t("frame")} +1`, run: () => step(1) },
      { keys: ",", name: `${t("frame")} −1`, run: () => step(-1) },
      { keys: "mod+ArrowRight", name: `${t("frame")} +10`, run: () => step(10) },
      { keys: "mod+ArrowLeft", name: `${t("frame")} −10`, run: () => step(-10) },
    ];
  }, [t, rate]);
  useShortcuts(t("media"), shortcuts);

  return (
    <div className="relative size-full bg-media">
      {/* biome-ignore lint/a11y/useMediaCaption: what people recorded has no captions */}
      <video ref={video} src={address} controls className="size-full object-contain" onError={() => setFailed(true)} />
      <canvas ref={canvas} className="pointer-events-none absolute inset-0 size-full" />
      <span className="absolute end-3 top-2 rounded bg-bg-1 px-1.5 text-12 text-ink-2">
        {t("frame")} {frame}
      </span>
      {failed && (
        <p className="absolute inset-x-0 top-1/2 text-center text-white/80">
          {t("cannotShow")}{" "}
          <a href={address} download className="underline">
            {sample.path.split("/").at(-1)}
          </a>
        </p>
      )}
    </div>
  );
}
