/** Mounts a stage in a page. The stage itself knows nothing of React. */
import { type RefObject, useEffect, useRef, useState } from "react";
import type { Patch } from "./history";
import { Stage, type StageState } from "./stage";

const EMPTY: StageState = {
  mode: "idle",
  tool: "select",
  selected: [],
  doc: {},
  canUndo: false,
  canRedo: false,
  scale: 1,
};

export function useStage(onPatch: (patch: Patch) => void): {
  host: RefObject<HTMLDivElement | null>;
  stage: Stage | undefined;
  state: StageState;
} {
  const host = useRef<HTMLDivElement>(null);
  const heard = useRef(onPatch);
  heard.current = onPatch;
  const [stage, setStage] = useState<Stage>();
  const [state, setState] = useState<StageState>(EMPTY);
  useEffect(() => {
    if (!host.current) return;
    const made = new Stage(host.current, { onChange: setState, onPatch: (patch) => heard.current(patch) });
    setStage(made);
    return () => {
      made.destroy();
      setStage(undefined);
    };
  }, []);
  return { host, stage, state };
}
