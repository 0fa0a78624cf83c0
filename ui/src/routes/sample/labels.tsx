/** Layers, labels and the attributes of the selected one; truth against prediction; the draft. */
import clsx from "clsx";
import { ArrowRightToLine, Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import type { Draft } from "../../api/draft";
import type { Ontology, Sample } from "../../api/types";
import { Badge, IconButton, Input, Section, Select } from "../../kit";
import { classVar } from "../../lib/color";
import { grouped } from "../../lib/format";
import { useWords } from "../../lib/i18n";
import { boxAround, type Label } from "../../stage/doc";
import { commands } from "../../stage/history";
import type { Matching } from "../../stage/match";
import type { Stage, StageState } from "../../stage/stage";
import { Facts } from "../explore/inspector";
import { DraftBar } from "./draftbar";

interface Props {
  stage: Stage;
  state: StageState;
  sample: Sample;
  layers: readonly string[];
  active: string;
  onActive(layer: string): void;
  off: ReadonlySet<string>;
  onOff(off: ReadonlySet<string>): void;
  classes: readonly string[];
  className: string | undefined;
  onClassify(name: string): void;
  ontology: Ontology | undefined;
  against: string | undefined;
  onAgainst(layer: string | undefined): void;
  least: number;
  onLeast(value: number): void;
  matching: Matching | undefined;
  draft: Draft;
}

/** Labels listed at most; more are there on the stage. */
const LISTED = 400;

export function LabelPanel(props: Props) {
  const {
    stage,
    state,
    sample,
    layers,
    active,
    onActive,
    off,
    onOff,
    classes,
    className,
    onClassify,
    ontology,
    against,
    onAgainst,
    least,
    onLeast,
    matching,
    draft,
  } = props;
  const t = useWords();
  const labels = state.doc[active] ?? [];
  const chosen = state.selected.length === 1 ? labels.find((l) => l.id === state.selected[0]) : undefined;
  const predictions = layers.filter((layer) => layer !== "truth");
  const toggle = (layer: string) => {
    const next = new Set(off);
    if (!next.delete(layer)) next.add(layer);
    onOff(next);
  };
  return (
    <aside
      aria-label={t("labels")}
      className="flex w-72 shrink-0 flex-col overflow-y-auto border-s border-line px-3 max-md:hidden"
    >
      <DraftBar draft={draft} />
      <Section title={t("layers")}>
        {layers.map((layer) => (
          <div key={layer} className="flex items-center gap-1">
            <IconButton name={`${layer}: ${t("hideLabel")}`} pressed={!off.has(layer)} onClick={() => toggle(layer)}>
              {off.has(layer) ? <EyeOff size={14} strokeWidth={1.75} /> : <Eye size={14} strokeWidth={1.75} />}
            </IconButton>
            <button
              type="button"
              aria-pressed={layer === active}
              title={t("editLayer")}
              className={clsx(
                "min-w-0 flex-1 truncate rounded px-1 py-0.5 text-start font-mono text-12",
                layer === active ? "bg-bg-3" : "hover:bg-bg-2",
              )}
              onClick={() => onActive(layer)}
            >
              {layer}
            </button>
            <span className="text-12 text-ink-2">{grouped((state.doc[layer] ?? []).length)}</span>
          </div>
        ))}
      </Section>
      {predictions.length > 0 && (
        <Section title={t("compareLayers")}>
          <Select
            aria-label={t("compareLayers")}
            className="w-full"
            value={against ?? ""}
            onChange={(e) => onAgainst(e.target.value || undefined)}
          >
            <option value="">{t("none")}</option>
            {predictions.map((layer) => (
              <option key={layer}>{layer}</option>
            ))}
          </Select>
          {matching && against && (
            <>
              <div className="mt-2 flex flex-wrap gap-1.5">
                <Badge tone="good">
                  {t("hits")} {matching.hits.size}
                </Badge>
                <Badge tone="warn">
                  {t("misses")} {matching.misses.size}
                </Badge>
                <Badge tone="bad">
                  {t("falseAlarms")} {matching.falseAlarms.size}
                </Badge>
              </div>
              <label className="mt-2 flex items-center gap-2 text-12 text-ink-2">
                {t("minConfidence")}
                <input
                  type="range"
                  min={0}
                  max={1}
                  step={0.01}
                  value={least}
                  className="min-w-0 flex-1 accent-accent"
                  onChange={(e) => onLeast(Number(e.target.value))}
                />
                {least.toFixed(2)}
              </label>
            </>
          )}
        </Section>
      )}
      <Section title={t("class")}>
        <ClassPicker classes={classes} className={chosen?.class ?? className} onClassify={onClassify} />
      </Section>
      <Section
        title={`${t("labels")} · ${active}`}
        side={<span className="text-11 text-ink-3">{grouped(labels.length)}</span>}
      >
        {labels.length === 0 && <p className="text-12 text-ink-3">{t("noLabels")}</p>}
        <ul>
          {labels.slice(0, LISTED).map((label) => (
            <li
              key={label.id}
              className={clsx(
                "flex items-center rounded-sm",
                state.selected.includes(label.id) ? "bg-accent-soft" : "hover:bg-bg-2",
              )}
            >
              <button
                type="button"
                aria-pressed={state.selected.includes(label.id)}
                className="flex h-6 min-w-0 flex-1 items-center gap-2 px-1 text-12"
                onClick={(e) =>
                  stage.select(e.shiftKey || e.ctrlKey ? [...state.selected, label.id] : [label.id], true)
                }
              >
                <span className="size-2 shrink-0 rounded-full" style={{ background: classVar(label.class) }} />
                <bdi className="min-w-0 flex-1 truncate text-start" title={label.class}>
                  {label.class ?? <span className="text-ink-3">—</span>}
                </bdi>
                <Verdict matching={matching} layer={active} against={against} id={label.id} />
                {label.confidence !== undefined && <span className="text-ink-3">{label.confidence.toFixed(2)}</span>}
                <span className="font-mono text-11 text-ink-3">{label.type}</span>
              </button>
              {active !== "truth" && (
                <IconButton
                  name={t("adopt")}
                  onClick={() => stage.commit(commands.adopt(stage.doc, active, label.id, "truth"))}
                >
                  <ArrowRightToLine size={13} />
                </IconButton>
              )}
            </li>
          ))}
        </ul>
        {labels.length > LISTED && <p className="text-12 text-ink-3">… {grouped(labels.length - LISTED)}</p>}
      </Section>
      {chosen && <LabelFacts key={`${active} ${chosen.id}`} label={chosen} stage={stage} ontology={ontology} />}
      <Section title={t("sample")}>
        <Facts sample={sample} />
      </Section>
    </aside>
  );
}

function Verdict({
  matching,
  layer,
  against,
  id,
}: {
  matching: Matching | undefined;
  layer: string;
  against: string | undefined;
  id: number;
}) {
  const t = useWords();
  if (!matching) return null;
  if (layer === "truth") return matching.misses.has(id) ? <span className="text-warn">{t("misses")}</span> : null;
  if (layer !== against) return null;
  return matching.hits.has(id) ? (
    <span className="text-good">✓</span>
  ) : matching.falseAlarms.has(id) ? (
    <span className="text-bad">{t("falseAlarms")}</span>
  ) : null;
}

function ClassPicker({
  classes,
  className,
  onClassify,
}: {
  classes: readonly string[];
  className: string | undefined;
  onClassify(name: string): void;
}) {
  const t = useWords();
  const [search, setSearch] = useState("");
  const fitting = classes.filter((name) => name.toLowerCase().includes(search.toLowerCase()));
  return (
    <>
      {classes.length > 9 && (
        <Input
          aria-label={t("search")}
          placeholder={t("search")}
          className="mb-1 w-full"
          value={search}
          onChange={(e) => setSearch(e.target.value)}
        />
      )}
      <div className="flex max-h-36 flex-wrap gap-1 overflow-y-auto">
        {fitting.slice(0, 100).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === className}
            title={name}
            className={clsx(
              "flex h-6 max-w-full items-center gap-1.5 rounded border px-1.5 text-12",
              name === className ? "border-accent bg-accent-soft" : "border-line-2 hover:bg-bg-2",
            )}
            onClick={() => onClassify(name)}
          >
            <span className="size-2 shrink-0 rounded-full" style={{ background: classVar(name) }} />
            <bdi className="truncate">{name}</bdi>
            {classes.indexOf(name) < 9 && <span className="text-11 text-ink-3">{classes.indexOf(name) + 1}</span>}
          </button>
        ))}
        {search !== "" && !classes.includes(search) && (
          <button
            type="button"
            className="h-6 rounded border border-dashed border-line-2 px-1.5 text-12 hover:bg-bg-2"
            onClick={() => onClassify(search)}
          >
            + {search}
          </button>
        )}
        {classes.length === 0 && (
          <form
            onSubmit={(e) => {
              e.preventDefault();
              if (search) onClassify(search);
            }}
          >
            <Input
              aria-label={t("class")}
              placeholder={t("class")}
              value={search}
              onChange={(e) => setSearch(e.target.value)}
            />
          </form>
        )}
      </div>
    </>
  );
}

function LabelFacts({ label, stage, ontology }: { label: Label; stage: Stage; ontology: Ontology | undefined }) {
  const t = useWords();
  const box = boxAround(label);
  const schema = ontology?.types[label.type];
  const known = (schema?.attributes ?? []).filter(
    (a) => !a.classes?.length || (label.class !== undefined && a.classes.includes(label.class)),
  );
  const names = [...new Set([...known.map((a) => a.name), ...Object.keys(label.attributes ?? {})])];
  return (
    <Section title={`${label.type} #${label.id}`}>
      {box && (
        <p className="mb-1 font-mono text-11 text-ink-2">
          {[box.xmin, box.ymin, box.xmax, box.ymax].map((v) => Math.round(v * 10) / 10).join(", ")} ·{" "}
          {Math.round(box.xmax - box.xmin)} × {Math.round(box.ymax - box.ymin)}
        </p>
      )}
      {label.instance && <p className="text-12">{label.instance}</p>}
      {names.map((name) => {
        const value = label.attributes?.[name];
        const values = known.find((a) => a.name === name)?.values;
        const set = (next: unknown) => stage.setAttribute(label.id, name, next);
        return (
          <label key={name} className="flex h-7 items-center gap-2 text-12">
            <span className="w-24 shrink-0 truncate text-ink-3" title={name}>
              {name}
            </span>
            {typeof value === "boolean" || known.find((a) => a.name === name)?.types?.[0] === "boolean" ? (
              <input
                type="checkbox"
                className="accent-accent"
                checked={value === true}
                onChange={(e) => set(e.target.checked)}
              />
            ) : values ? (
              <Select
                className="!h-6 min-w-0 flex-1 text-12"
                value={JSON.stringify(value) ?? ""}
                onChange={(e) => set(e.target.value === "" ? undefined : JSON.parse(e.target.value))}
              >
                <option value="">—</option>
                {values.map((v) => (
                  <option key={JSON.stringify(v)} value={JSON.stringify(v)}>
                    {String(v)}
                  </option>
                ))}
              </Select>
            ) : (
              <Input
                className="!h-6 min-w-0 flex-1 text-12"
                defaultValue={value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value)}
                aria-label={`${t("value")} ${name}`}
                onBlur={(e) =>
                  set(
                    typeof value === "number" && e.target.value !== "" && Number.isFinite(Number(e.target.value))
                      ? Number(e.target.value)
                      : e.target.value || undefined,
                  )
                }
              />
            )}
          </label>
        );
      })}
    </Section>
  );
}
