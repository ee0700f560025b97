import { Outlet, createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { queries } from "~/api/queries";
import { session } from "~/api/session";
import { PAGES } from "~/shell/nav";
import { NoPage } from "~/shell/no-page";
import { Shell } from "~/shell/shell";

const root = createRootRoute({ component: Outlet, notFoundComponent: NoPage });

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
  "/login": () => import("~/pages/log-in"),
}).map(([path, load]) => createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, "default") }));

export const router = createRouter({
  routeTree: root.addChildren([inside.addChildren(pages), ...outside]),
  defaultPreload: "intent",
  scrollRestoration: true,
  // Plain words in the URL, and no JSON in quotes.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
    return pairs.length > 0 ? `?${new URLSearchParams(pairs as [string, string][]).toString()}` : "";
  },
});
