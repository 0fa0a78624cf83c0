/** The filter as text, with completion of keys and values. */
import clsx from "clsx";
import { Search, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useStats } from "../../api/hooks";
import { type Completion, complete } from "../../lib/filter";
import { useWords } from "../../lib/i18n";

interface Props {
  name: string;
  gitRef: string;
  filter: string;
  onFilter(filter: string): void;
}

export function FilterBar({ name, gitRef, filter, onFilter }: Props) {
  const t = useWords();
  const stats = useStats(name, gitRef).data;
  const [text, setText] = useState(filter);
  const [caret, setCaret] = useState<number>();
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(filter), [filter]);

  const values = useMemo(() => {
    const layers = Object.keys(stats?.layers ?? {});
    return {
      class: Object.keys(stats?.classes ?? {}),
      split: Object.keys(stats?.splits ?? {}),
      mime: Object.keys(stats?.media ?? {}),
      layer: layers,
      has: layers,
      no: layers,
      type: [...new Set(Object.values(stats?.layers ?? {}).flatMap((l) => Object.keys(l.types)))],
      sensor: Object.keys(stats?.sensors ?? {}),
    };
  }, [stats]);
  const completions = caret === undefined ? [] : complete(text, caret, values);

  const take = (completion: Completion) => {
    const before = text.slice(0, completion.from) + completion.text;
    const isWhole = !/[:<>=.]$/.test(completion.text);
    setText(before + (isWhole ? " " : "") + text.slice(caret));
    setCaret(before.length + (isWhole ? 1 : 0));
    setChosen(-1);
    input.current?.focus();
  };
  const apply = (next: string) => {
    setCaret(undefined);
    onFilter(next);
  };

  return (
    <search className="relative min-w-0 flex-1">
      <Search size={14} className="pointer-events-none absolute start-2 top-1.75 text-ink-3" />
      <input
        ref={input}
        id="filter"
        role="combobox"
        aria-expanded={completions.length > 0}
        aria-controls="filter-completions"
        aria-activedescendant={chosen >= 0 ? `completion-${chosen}` : undefined}
        aria-label={t("filter")}
        autoComplete="off"
        spellCheck={false}
        value={text}
        placeholder={t("filterPlaceholder")}
        title={`${t("filter")} (/)`}
        className="h-7 w-full rounded border border-line-2 bg-bg ps-7 pe-7 font-mono text-12 placeholder:font-sans placeholder:text-ink-3"
        onChange={(e) => {
          setText(e.target.value);
          setCaret(e.target.selectionStart ?? e.target.value.length);
          setChosen(-1);
        }}
        onBlur={() => setTimeout(() => setCaret(undefined), 150)}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown" && completions.length > 0) {
            e.preventDefault();
            setChosen((chosen + 1) % completions.length);
          } else if (e.key === "ArrowUp" && completions.length > 0) {
            e.preventDefault();
            setChosen((chosen + completions.length - 1) % completions.length);
          } else if ((e.key === "Enter" || e.key === "Tab") && completions[chosen]) {
            e.preventDefault();
            take(completions[chosen]);
          } else if (e.key === "Tab" && completions.length > 0) {
            e.preventDefault();
            take(completions[0]!);
          } else if (e.key === "Enter") apply(text);
          else if (e.key === "Escape") {
            e.stopPropagation();
            if (completions.length > 0) setCaret(undefined);
            else {
              setText(filter);
              e.currentTarget.blur();
            }
          }
        }}
      />
      {text !== "" && (
        <button
          type="button"
          aria-label={t("clearFilter")}
          title={t("clearFilter")}
          className="absolute end-1.5 top-1.5 rounded text-ink-3 hover:text-ink"
          onClick={() => apply("")}
        >
          <X size={16} strokeWidth={1.75} />
        </button>
      )}
      {completions.length > 0 && (
        <div
          id="filter-completions"
          role="listbox"
          aria-label={t("filter")}
          className="absolute start-0 top-8 z-30 min-w-56 rounded-md border border-line-2 bg-bg-1 py-1 shadow-(--shadow)"
        >
          {completions.map((completion, i) => (
            <div
              key={completion.text}
              id={`completion-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === chosen}
              className={clsx("flex h-6 items-center px-3 font-mono text-12", i === chosen && "bg-bg-3")}
              onPointerDown={(e) => {
                e.preventDefault();
                take(completion);
              }}
            >
              {completion.text}
            </div>
          ))}
        </div>
      )}
    </search>
  );
}
