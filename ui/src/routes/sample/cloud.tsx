/** A point cloud with its cuboids. */
import { useEffect, useRef, useState } from "react";
import { readCloud } from "../../cloud/read";
import { CloudView } from "../../cloud/view";
import { Failure } from "../../kit";
import { grouped } from "../../lib/format";
import { useWords } from "../../lib/i18n";
import { useSettings } from "../../lib/settings";
import type { Label } from "../../stage/doc";

export default function Cloud({ address, path, labels }: { address: string; path: string; labels: readonly Label[] }) {
  const t = useWords();
  const host = useRef<HTMLDivElement>(null);
  const theme = useSettings((s) => s.theme);
  const [count, setCount] = useState<number>();
  const [error, setError] = useState<unknown>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme has other colours
  useEffect(() => {
    if (!host.current) return;
    const view = new CloudView(host.current);
    const abort = new AbortController();
    setError(undefined);
    fetch(address, { signal: abort.signal })
      .then((response) => {
        if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
        return response.arrayBuffer();
      })
      .then((bytes) => {
        const cloud = readCloud(bytes, path);
        setCount(cloud.positions.length / 3);
        view.show(cloud, labels);
      })
      .catch((failure: unknown) => !abort.signal.aborted && setError(failure));
    return () => {
      abort.abort();
      view.destroy();
    };
  }, [address, path, labels, theme]);
  return (
    <>
      <div ref={host} className="absolute inset-0" role="img" aria-label={path} />
      {error !== undefined && <Failure error={error} />}
      {count !== undefined && (
        <span className="absolute start-3 bottom-2 text-12 text-ink-2">
          {grouped(count)} {t("points")}
        </span>
      )}
    </>
  );
}
