/** Everything that can be gone to or done, by a few letters. */
import { useNavigate, useParams } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useDatasets } from "../api/hooks";
import { Kbd } from "../kit";
import { nameOf, paramsOf } from "../lib/dataset";
import { useWords } from "../lib/i18n";
import { shownKeys, useKnownShortcuts } from "../lib/keys";
import { GLOBAL, PAGES } from "./shell";

export default function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const t = useWords();
  const navigate = useNavigate();
  const datasets = useDatasets();
  const params = useParams({ strict: false }) as { org?: string; name?: string };
  const dataset = nameOf({ org: params.org ?? "", name: params.name ?? "" });
  const groups = useKnownShortcuts((s) => s.groups);
  const run = (what: () => void) => () => {
    onClose();
    what();
  };
  const item = "flex h-7 items-center justify-between gap-4 rounded px-2 data-[selected=true]:bg-bg-3";
  const group =
    "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-11 [&_[cmdk-group-heading]]:text-ink-3";
  return (
    <Command.Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      label={t("palette")}
      overlayClassName="fixed inset-0 z-40 bg-black/40"
      contentClassName="fixed top-[12vh] left-1/2 z-50 w-[min(560px,94vw)] -translate-x-1/2 overflow-hidden rounded-md border border-line-2 bg-bg-1 shadow-(--shadow)"
    >
      <Command.Input
        autoFocus
        placeholder={`${t("search")}…`}
        className="h-10 w-full border-b border-line bg-transparent px-3 outline-none placeholder:text-ink-3"
      />
      <Command.List className="max-h-[50vh] overflow-auto p-1">
        <Command.Empty className="p-3 text-ink-3">—</Command.Empty>
        {params.org && params.name && (
          <Command.Group heading={dataset} className={group}>
            {PAGES.map((page) => (
              <Command.Item
                key={page.to}
                className={item}
                onSelect={run(
                  () =>
                    void navigate({
                      to: page.to as "/d/$org/$name",
                      params: { org: params.org!, name: params.name! },
                      search: { ref: undefined },
                    }),
                )}
              >
                {t(page.name)}
              </Command.Item>
            ))}
          </Command.Group>
        )}
        <Command.Group heading={t("datasets")} className={group}>
          {(datasets.data ?? []).slice(0, 200).map((d) => {
            const { org, name } = paramsOf(d.name);
            return (
              <Command.Item
                key={d.name}
                value={d.name}
                className={item}
                onSelect={run(
                  () =>
                    void navigate({ to: "/d/$org/$name/explore", params: { org, name }, search: { ref: undefined } }),
                )}
              >
                {d.name}
              </Command.Item>
            );
          })}
        </Command.Group>
        <Command.Group heading={t("everywhere")} className={group}>
          {GLOBAL.map((page) => (
            <Command.Item key={page.to} className={item} onSelect={run(() => void navigate({ to: page.to as "/" }))}>
              {t(page.name)}
            </Command.Item>
          ))}
          <Command.Item className={item} onSelect={run(onHelp)}>
            {t("shortcuts")} <Kbd>?</Kbd>
          </Command.Item>
        </Command.Group>
        {groups
          .filter((g) => g.title !== t("everywhere") && g.title !== dataset)
          .map((g) => (
            <Command.Group key={g.id} heading={g.title} className={group}>
              {g.shortcuts.map((s) => (
                <Command.Item
                  key={s.keys}
                  value={`${g.title} ${s.name} ${s.keys}`}
                  className={item}
                  onSelect={run(() => s.run(new KeyboardEvent("keydown")))}
                >
                  {s.name} <Kbd>{shownKeys(s.keys)}</Kbd>
                </Command.Item>
              ))}
            </Command.Group>
          ))}
      </Command.List>
    </Command.Dialog>
  );
}
