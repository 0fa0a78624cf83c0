/** All datasets of the lake. */
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useDatasets } from "../api/hooks";
import { buttonClass, Empty, Failure, Input, Skeleton } from "../kit";
import { paramsOf } from "../lib/dataset";
import { ago, bytes, grouped, moment } from "../lib/format";
import { useWords } from "../lib/i18n";
import { useSettings } from "../lib/settings";

export function Datasets() {
  const t = useWords();
  const language = useSettings((s) => s.language);
  const datasets = useDatasets();
  const [search, setSearch] = useState("");
  if (datasets.error) return <Failure error={datasets.error} retry={() => void datasets.refetch()} />;
  if (!datasets.data) return <Skeleton />;
  const action = (
    <Link to="/import" className={buttonClass("accent")}>
      <Plus size={14} />
      {t("importData")}
    </Link>
  );
  if (datasets.data.length === 0) {
    return (
      <Empty action={action} command="tamis import FOLDER">
        {t("noDatasets")}
      </Empty>
    );
  }
  const rows = datasets.data.filter((d) => d.name.toLowerCase().includes(search.toLowerCase()));
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-5xl px-4 py-4">
        <div className="mb-3 flex items-center justify-between gap-2">
          <h1 className="text-20 font-strong">{t("datasets")}</h1>
          <div className="flex gap-2">
            <Input
              type="search"
              aria-label={t("search")}
              placeholder={t("search")}
              value={search}
              onChange={(e) => setSearch(e.target.value)}
            />
            {action}
          </div>
        </div>
        <table className="w-full border-collapse">
          <thead className="text-start text-11 text-ink-3">
            <tr className="h-6 border-b border-line">
              <th className="text-start font-normal">{t("name")}</th>
              <th className="text-start font-normal">{t("branch")}</th>
              <th className="text-end font-normal">{t("samples")}</th>
              <th className="text-end font-normal">{t("labels")}</th>
              <th className="text-end font-normal">{t("size")}</th>
              <th className="text-end font-normal">{t("changed")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((d) => {
              const { org, name } = paramsOf(d.name);
              return (
                <tr key={d.name} className="h-8 border-b border-line hover:bg-bg-1">
                  <td className="max-w-80 truncate">
                    <Link
                      to="/d/$org/$name"
                      params={{ org, name }}
                      search={{ ref: undefined }}
                      className="font-strong hover:underline"
                    >
                      {org !== "~" && <span className="font-normal text-ink-2">{org}/</span>}
                      <bdi>{name}</bdi>
                    </Link>
                  </td>
                  <td className="font-mono text-12 text-ink-2">{d.branch}</td>
                  <td className="text-end">{grouped(d.samples)}</td>
                  <td className="text-end">{grouped(d.annotations)}</td>
                  <td className="text-end">{bytes(d.bytes)}</td>
                  <td className="text-end text-ink-2" title={moment(d.time, language)}>
                    {ago(d.time, language)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </main>
  );
}
