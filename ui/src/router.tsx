/** The pages and what their addresses hold. Everything that a page shows can be found again by its address. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Failure } from "./kit";
import { DatasetFrame, NotFound, Shell } from "./routes/shell";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
});

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;
const whole = (value: unknown): number | undefined => {
  const number = Number(value);
  return value !== undefined && Number.isInteger(number) && number >= 0 ? number : undefined;
};
const one = <V extends string>(value: unknown, of: readonly V[]): V | undefined => of.find((v) => v === value);

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./routes/datasets"), "Datasets"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("./routes/settings"), "SettingsPage"),
});

const importer = createRoute({
  getParentRoute: () => root,
  path: "/import",
  validateSearch: (s: Record<string, unknown>): { into?: string } => ({ into: text(s.into) }),
  component: lazyRouteComponent(() => import("./routes/import"), "Import"),
});
const jobs = createRoute({
  getParentRoute: () => root,
  path: "/jobs",
  component: lazyRouteComponent(() => import("./routes/jobs"), "Jobs"),
});

const dataset = createRoute({
  getParentRoute: () => root,
  path: "/d/$org/$name",
  validateSearch: (s: Record<string, unknown>): { ref?: string } => ({ ref: text(s.ref) }),
  component: DatasetFrame,
});
const overview = createRoute({
  getParentRoute: () => dataset,
  path: "/",
  component: lazyRouteComponent(() => import("./routes/overview"), "Overview"),
});
const explore = createRoute({
  getParentRoute: () => dataset,
  path: "/explore",
  validateSearch: (s: Record<string, unknown>): { q?: string; view?: "grid" | "table"; at?: number } => ({
    q: text(s.q),
    view: one(s.view, ["grid", "table"] as const),
    at: whole(s.at),
  }),
  component: lazyRouteComponent(() => import("./routes/explore"), "Explore"),
});
const sample = createRoute({
  getParentRoute: () => dataset,
  path: "/sample",
  validateSearch: (s: Record<string, unknown>): { path: string; q?: string; at?: number; label?: number } => ({
    path: text(s.path) ?? "",
    q: text(s.q),
    at: whole(s.at),
    label: whole(s.label),
  }),
  component: lazyRouteComponent(() => import("./routes/sample"), "SamplePage"),
});
const history = createRoute({
  getParentRoute: () => dataset,
  path: "/history",
  component: lazyRouteComponent(() => import("./routes/history"), "HistoryPage"),
});
const compare = createRoute({
  getParentRoute: () => dataset,
  path: "/compare",
  validateSearch: (s: Record<string, unknown>): { from?: string; to?: string; path?: string } => ({
    from: text(s.from),
    to: text(s.to),
    path: text(s.path),
  }),
  component: lazyRouteComponent(() => import("./routes/compare"), "Compare"),
});

const merge = createRoute({
  getParentRoute: () => dataset,
  path: "/merge",
  component: lazyRouteComponent(() => import("./routes/merge"), "Merge"),
});
const evaluation = createRoute({
  getParentRoute: () => dataset,
  path: "/eval",
  validateSearch: (s: Record<string, unknown>): { layer?: string; overlap?: string } => ({
    layer: text(s.layer),
    overlap: text(s.overlap),
  }),
  component: lazyRouteComponent(() => import("./routes/evaluation"), "Evaluation"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    importer,
    jobs,
    settings,
    dataset.addChildren([overview, explore, sample, history, compare, merge, evaluation]),
  ]),
  defaultPreload: "intent",
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
