/** What the samples of the filter have, as bars beside the whole dataset; a click narrows. */
import { useState } from "react";
import { useFacets, useStats } from "../../api/hooks";
import { Bars, Input, Section } from "../../kit";
import { classVar } from "../../lib/color";
import { hasTerm, toggleTerm } from "../../lib/filter";
import { grouped } from "../../lib/format";
import { useWords } from "../../lib/i18n";

interface Props {
  name: string;
  gitRef: string;
  filter: string;
  onFilter(filter: string): void;
}

export function FacetPanel({ name, gitRef, filter, onFilter }: Props) {
  const t = useWords();
  const stats = useStats(name, gitRef);
  const facets = useFacets(name, gitRef, filter);
  const [search, setSearch] = useState("");
  const all = stats.data;
  const now = facets.data;
  if (!all) return <aside className="w-56 shrink-0 border-e border-line max-md:hidden" />;
  const types: Record<string, number> = {};
  for (const layer of Object.values(all.layers))
    for (const [type, n] of Object.entries(layer.types)) types[type] = (types[type] ?? 0) + n;
  const layers = Object.fromEntries(Object.entries(all.layers).map(([layer, l]) => [layer, l.labels]));
  const groups: {
    key: string;
    title: string;
    whole: Record<string, number>;
    part?: Record<string, number>;
    color?: (name: string) => string;
  }[] = [
    { key: "split", title: t("splits"), whole: all.splits, part: now?.splits },
    { key: "class", title: t("classes"), whole: all.classes, part: now?.classes, color: classVar },
    { key: "layer", title: t("layers"), whole: layers, part: now?.layers },
    { key: "type", title: t("types"), whole: types, part: now?.types },
    { key: "mime", title: t("media"), whole: all.media },
  ];
  return (
    <aside
      aria-label={t("filter")}
      className={`flex w-56 shrink-0 flex-col gap-1 overflow-y-auto border-e border-line px-3 max-md:hidden ${facets.isPlaceholderData ? "opacity-60" : ""}`}
    >
      {Object.keys(all.classes).length > 12 && (
        <Input
          type="search"
          aria-label={t("search")}
          placeholder={t("search")}
          className="mt-2"
          value={search}
          onChange={(e) => setSearch(e.target.value)}
        />
      )}
      {groups
        .filter(
          (group) =>
            Object.keys(group.whole).length > 0 && (Object.keys(group.whole).length > 1 || group.key === "class"),
        )
        .map((group) => {
          const rows = Object.entries(group.whole)
            .filter(([value]) => value.toLowerCase().includes(search.toLowerCase()) || group.key !== "class")
            .map(([value, of]) => ({ name: value, of, count: group.part ? (group.part[value] ?? 0) : of }))
            .sort((a, b) => b.count - a.count || b.of - a.of);
          return (
            <Section
              key={group.key}
              title={group.title}
              side={<span className="text-11 text-ink-3">{grouped(rows.length)}</span>}
            >
              <Bars
                rows={rows.slice(0, 60)}
                color={group.color}
                picked={(value) => hasTerm(filter, group.key, value)}
                onPick={(value) => onFilter(toggleTerm(filter, group.key, value))}
              />
            </Section>
          );
        })}
    </aside>
  );
}
