import { Outlet, createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { queries } from "~/api/queries";
import { session } from "~/api/session";
import { setup } from "~/api/setup";
import { Unreachable } from "~/shell/unreachable";
import { ownPath } from "~/shell/way-back";
import { PAGES } from "~/shell/nav";
import { NoPage } from "~/shell/no-page";
import { Shell } from "~/shell/shell";

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NoPage,
  // As long as nobody can log in there is one page alone.
  beforeLoad: async ({ location }) => {
    const { needed } = await queries.fetchQuery(setup);
    if (needed && location.pathname !== "/setup") throw redirect({ to: "/setup" });
  },
});

/** Pages for whoever is signed in; an administrator's are refused by the server, not here. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ location }) => {
    if (!(await queries.ensureQueryData(session))) {
      throw redirect({ to: "/login", search: location.href === "/" ? {} : { to: location.href } });
    }
  },
});

const pages = PAGES.map(({ path, load }) => createRoute({ getParentRoute: () => inside, path, component: lazyRouteComponent(load, "default") }));

/** Pages for whoever is not. */
const outside = Object.entries({
  "/setup": () => import("~/pages/setup"),
  "/signup": () => import("~/pages/sign-up"),
  "/login": () => import("~/pages/log-in"),
}).map(([path, load]) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load, "default"),
    beforeLoad: async ({ search }) => {
      const { to }: { to?: string } = search;
      if (path === "/login" && (await queries.ensureQueryData(session))) throw redirect({ href: ownPath(to) });
    },
  }),
);

export const router = createRouter({
  routeTree: root.addChildren([inside.addChildren(pages), ...outside]),
  defaultPreload: "intent",
  defaultErrorComponent: Unreachable,
  scrollRestoration: true,
  // Plain words in the URL, and no JSON in quotes.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
    return pairs.length > 0 ? `?${new URLSearchParams(pairs as [string, string][]).toString()}` : "";
  },
});
