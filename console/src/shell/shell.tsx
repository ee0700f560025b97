import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { Menu, Search } from "lucide-react";
import { Suspense, useEffect, useState } from "react";
import { onSignedOut } from "~/api/queries";
import { session } from "~/api/session";
import { AwayBanner } from "~/shell/away-banner";
import { Mark } from "~/shell/mark";
import { Palette } from "~/shell/palette";
import { Sidebar } from "~/shell/sidebar";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/class";
import { Skeleton } from "~/ui/states";

/** What is around every page: the sidebar, the palette, and what to do when the session ends. */
export function Shell() {
  const [drawer, setDrawer] = useState(false);
  const [palette, setPalette] = useState(false);
  const signedIn = useSignedOut();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        setPalette(true);
      }
      if (event.key === "Escape") setDrawer(false);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  if (!signedIn) return null; // on its way to the log-in
  return (
    <div className="flex min-h-dvh">
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-sm focus:bg-panel focus:px-3 focus:py-2">
        Skip to the page
      </a>
      {drawer && <div aria-hidden className="fixed inset-0 z-30 bg-back/70 sm:hidden" onClick={() => setDrawer(false)} />}
      <div
        className={classes(
          "sticky top-0 h-dvh shrink-0 border-r border-line bg-panel max-sm:fixed max-sm:inset-y-0 max-sm:left-0 max-sm:z-40 max-sm:w-[220px]",
          !drawer && "max-sm:hidden",
        )}
      >
        <Sidebar onSearch={() => setPalette(true)} onLeave={() => setDrawer(false)} open={drawer} />
      </div>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="flex h-12 items-center justify-between border-b border-line bg-panel px-2 sm:hidden">
          <IconButton icon={Menu} label="Open the menu" onClick={() => setDrawer(true)} />
          <Mark />
          <IconButton icon={Search} label="Search" onClick={() => setPalette(true)} />
        </header>
        <AwayBanner />
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <Suspense fallback={<Skeleton />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {palette && <Palette onClose={() => setPalette(false)} />}
    </div>
  );
}

/** A session that has ended leads to the log-in, which leads back. Gives whether there still is one. */
function useSignedOut(): boolean {
  const client = useQueryClient();
  const navigate = useNavigate();
  const router = useRouter();
  const { data } = useQuery(session);
  useEffect(() => {
    const leave = () => {
      const { href, pathname } = router.state.location;
      if (pathname === "/login") return;
      client.clear();
      client.setQueryData(session.queryKey, null);
      void navigate({ to: "/login", search: { to: href, ended: "1" } });
    };
    onSignedOut(leave);
    if (data === null) leave(); // as it turned out when the window was looked at again
  }, [client, navigate, router, data]);
  return !!data;
}
