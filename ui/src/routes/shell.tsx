/** What is always there: the top bar, the pages of a dataset, the command palette, the list of shortcuts. */
import { Link, Outlet, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import clsx from "clsx";
import { Command as CommandIcon, GitBranch, Moon, Settings as SettingsIcon, Sun } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { Toaster } from "sonner";
import { useBranches, useTags } from "../api/hooks";
import { Dialog, Empty, IconButton, Kbd, Menu } from "../kit";
import { nameOf } from "../lib/dataset";
import { loadWords, useWords, type Word } from "../lib/i18n";
import { shownKeys, useKnownShortcuts, useShortcuts } from "../lib/keys";
import { useSettings } from "../lib/settings";

const Palette = lazy(() => import("./palette"));

export const PAGES: { to: string; name: Word; keys: string }[] = [
  { to: "/d/$org/$name", name: "overview", keys: "o" },
  { to: "/d/$org/$name/explore", name: "explore", keys: "x" },
  { to: "/d/$org/$name/history", name: "history", keys: "h" },
  { to: "/d/$org/$name/compare", name: "compare", keys: "c" },
  { to: "/d/$org/$name/merge", name: "merge", keys: "m" },
  { to: "/d/$org/$name/eval", name: "evaluation", keys: "v" },
];

export const GLOBAL: { to: string; name: Word }[] = [
  { to: "/", name: "datasets" },
  { to: "/import", name: "importData" },
  { to: "/jobs", name: "jobs" },
  { to: "/settings", name: "settings" },
];

/** The dataset and ref of the address, for pages below `/d/$org/$name`. */
export function useDataset(): { name: string; ref: string; params: { org: string; name: string } } {
  const params = useParams({ strict: false }) as { org?: string; name?: string };
  const search = useSearch({ strict: false }) as { ref?: string };
  const name = nameOf({ org: params.org ?? "", name: params.name ?? "" });
  const branches = useBranches(name);
  const ref = search.ref ?? branches.data?.find((b) => b.default)?.name ?? "main";
  return { name, ref, params: { org: params.org ?? "", name: params.name ?? "" } };
}

export function Shell() {
  const t = useWords();
  const navigate = useNavigate();
  const { theme, language, set } = useSettings();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const shortcuts = useMemo(
    () => [
      { keys: "mod+k", name: t("palette"), run: () => setPalette((now) => !now), typing: true },
      { keys: "?", name: t("shortcuts"), run: () => setHelp(true) },
      { keys: "g", name: t("datasets"), run: () => void navigate({ to: "/" }) },
    ],
    [t, navigate],
  );
  useShortcuts(t("everywhere"), shortcuts);
  const { org } = useParams({ strict: false }) as { org?: string };
  const inDataset = org !== undefined;
  return (
    <div className="flex h-full flex-col">
      <header className="flex h-10 shrink-0 items-center gap-1 border-b border-line px-2">
        <Link
          to="/"
          className="flex items-center gap-2 rounded px-1.5 py-1 font-strong hover:bg-bg-2"
          title={t("datasets")}
          aria-label={inDataset ? t("datasets") : undefined}
        >
          <Logo />
          {!inDataset && <span>Tamis</span>}
        </Link>
        {inDataset && <DatasetBar />}
        <nav className="ms-auto flex items-center gap-1" aria-label={t("everywhere")}>
          {GLOBAL.slice(1, -1).map((page) => (
            <Link
              key={page.to}
              to={page.to}
              className="rounded px-2 py-1 text-12 text-ink-2 hover:bg-bg-2 hover:text-ink max-lg:hidden"
              activeProps={{ className: "!text-ink bg-bg-2" }}
            >
              {t(page.name)}
            </Link>
          ))}
          <IconButton name={t("palette")} keys={shownKeys("mod+k")} onClick={() => setPalette(true)}>
            <CommandIcon size={16} strokeWidth={1.75} />
          </IconButton>
          <IconButton
            name={`${t("theme")}: ${t(theme === "dark" ? "light" : "dark")}`}
            onClick={() => set({ theme: theme === "dark" ? "light" : "dark" })}
          >
            {theme === "dark" ? <Sun size={16} strokeWidth={1.75} /> : <Moon size={16} strokeWidth={1.75} />}
          </IconButton>
          <button
            type="button"
            lang={language === "zh" ? "en" : "zh-CN"}
            title={t("language")}
            className="h-7 rounded px-2 text-12 text-ink-2 hover:bg-bg-2 hover:text-ink"
            onClick={() => {
              const next = language === "zh" ? "en" : "zh";
              void loadWords(next).then(() => set({ language: next }));
            }}
          >
            {language === "zh" ? "English" : "中文"}
          </button>
          <Link
            to="/settings"
            aria-label={t("settings")}
            title={t("settings")}
            className="inline-flex size-7 items-center justify-center rounded text-ink-2 hover:bg-bg-2 hover:text-ink"
          >
            <SettingsIcon size={16} strokeWidth={1.75} />
          </Link>
        </nav>
      </header>
      <div className="relative min-h-0 flex-1">
        <Outlet />
      </div>
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} onHelp={() => setHelp(true)} />
        </Suspense>
      )}
      <Shortcuts open={help} onClose={() => setHelp(false)} />
      <Toaster theme={theme} position="bottom-right" toastOptions={{ className: "!font-sans !text-13 !rounded-md" }} />
    </div>
  );
}

function Logo() {
  return (
    <svg
      viewBox="0 0 24 24"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      aria-hidden="true"
    >
      <circle cx="12" cy="12" r="9" />
      <path d="M5 9h14M3.5 13h17M6 17h12M9 4v16M15 4v16" strokeWidth="1" />
    </svg>
  );
}

function DatasetBar() {
  const t = useWords();
  const { name, ref, params } = useDataset();
  const branches = useBranches(name);
  const tags = useTags(name);
  const navigate = useNavigate();
  const go = (next: string) =>
    void navigate({ to: ".", search: (s: Record<string, unknown>) => ({ ...s, ref: next, at: undefined }) } as never);
  const items = [
    ...(branches.data ?? []).map((b) => ({ label: b.name, checked: b.name === ref, onSelect: () => go(b.name) })),
    ...(tags.data ?? []).map((tag, i) => ({
      label: tag.name,
      checked: tag.name === ref,
      separated: i === 0,
      onSelect: () => go(tag.name),
    })),
  ];
  return (
    <>
      <span className="text-ink-3">/</span>
      <Link
        to="/d/$org/$name"
        params={params}
        search={{ ref }}
        className="max-w-64 truncate rounded px-1.5 py-1 font-strong hover:bg-bg-2"
        title={name}
      >
        <bdi>{name}</bdi>
      </Link>
      <Menu
        name={t("branch")}
        items={items}
        trigger={
          <>
            <GitBranch size={14} strokeWidth={1.75} />
            <span className="max-w-40 truncate font-mono text-12">
              {/^[0-9a-f]{64}$/.test(ref) ? ref.slice(0, 12) : ref}
            </span>
          </>
        }
      />
      <nav className="ms-2 flex h-full items-stretch gap-0.5 overflow-x-auto" aria-label={name}>
        {PAGES.map((page) => (
          <Link
            key={page.to}
            to={page.to as "/d/$org/$name"}
            params={params}
            search={{ ref }}
            activeOptions={{ exact: page.name === "overview", includeSearch: false }}
            className="flex items-center border-b-2 border-transparent px-2 text-12 text-ink-2 hover:text-ink"
            activeProps={{ className: clsx("!border-accent !text-ink") }}
          >
            {t(page.name)}
          </Link>
        ))}
      </nav>
    </>
  );
}

/** Pages of a dataset, with their keys. */
export function DatasetFrame() {
  const t = useWords();
  const navigate = useNavigate();
  const { params, ref } = useDataset();
  const { org, name } = params;
  const shortcuts = useMemo(
    () =>
      PAGES.map((page) => ({
        keys: `mod+shift+${page.keys}`,
        name: t(page.name),
        run: () => void navigate({ to: page.to as "/d/$org/$name", params: { org, name }, search: { ref } }),
      })),
    [t, navigate, org, name, ref],
  );
  useShortcuts(nameOf({ org, name }), shortcuts);
  return <Outlet />;
}

function Shortcuts({ open, onClose }: { open: boolean; onClose: () => void }) {
  const t = useWords();
  const groups = useKnownShortcuts((s) => s.groups);
  return (
    <Dialog title={t("shortcuts")} open={open} onClose={onClose} wide>
      <div className="columns-2 gap-8 max-sm:columns-1">
        {groups.map((group) => (
          <section key={group.id} className="mb-4 break-inside-avoid">
            <h3 className="mb-1 text-11 text-ink-3">{group.title}</h3>
            {group.shortcuts.map((s) => (
              <div key={s.keys} className="flex h-6 items-center justify-between gap-3 border-b border-line text-12">
                <span>{s.name}</span>
                <Kbd>{shownKeys(s.keys)}</Kbd>
              </div>
            ))}
          </section>
        ))}
      </div>
    </Dialog>
  );
}

export function NotFound() {
  const t = useWords();
  return (
    <Empty
      action={
        <Link to="/" className="text-accent hover:underline">
          {t("goHome")}
        </Link>
      }
    >
      {t("notFound")}
    </Empty>
  );
}
