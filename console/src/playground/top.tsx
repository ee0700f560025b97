import { Link } from "@tanstack/react-router";
import { Columns2, SlidersHorizontal, SquarePen, Text } from "lucide-react";
import type { Bench, Columns } from "~/playground/bench";
import { PAGES } from "~/shell/nav";
import { Button, IconButton } from "~/ui/button";
import { classes } from "~/ui/class";
import { useUrl } from "~/ui/pages";

interface TopProps {
  bench: Bench;
  columns: Columns;
  plain: boolean;
  onPlain: () => void;
  onParameters: () => void;
}

/** The page's title, its tabs, and what can be done with all of it. */
export function Top({ bench, columns, plain, onPlain, onParameters }: TopProps) {
  const comparing = columns.length === 2;
  const [url] = useUrl();
  return (
    <header className="flex flex-wrap items-center gap-x-6 border-b border-line px-4 sm:px-6">
      <h1 className="py-2 text-title font-semibold">Playground</h1>
      <nav aria-label="Playground" className="flex gap-4 self-stretch max-sm:order-last max-sm:w-full">
        <TabLink name="Playground" on={url["tab"] !== "api"} search={{ ...url, tab: undefined }} />
        <TabLink name="API" on={url["tab"] === "api"} search={{ ...url, tab: "api" }} />
        {PAGES.some(({ path }) => path === "/requests") && <TabLink name="History" on={false} to="/requests" />}
      </nav>
      <div className="ml-auto flex items-center gap-1 py-1.5">
        <IconButton icon={SquarePen} label="New conversation" disabled={columns.every(({ messages }) => messages.length === 0)} onClick={() => bench.clear()} />
        <IconButton icon={Text} label="Plain text" aria-pressed={plain} onClick={onPlain} className={classes(plain && "bg-tint text-text")} />
        <IconButton icon={SlidersHorizontal} label="Parameters" onClick={onParameters} className="lg:hidden" />
        <Button icon={Columns2} aria-pressed={comparing} onClick={() => bench.compare(!comparing)} className={classes("ml-1", comparing && "bg-tint")}>
          Compare
        </Button>
      </div>
    </header>
  );
}

/** Looks like a tab; what it shows has an address of its own. */
function TabLink({ name, on, to = "/playground", search }: { name: string; on: boolean; to?: string; search?: Record<string, string | undefined> }) {
  return (
    <Link
      to={to}
      search={search}
      aria-current={on ? "page" : undefined}
      className={classes("-mb-px flex items-center border-b-2 py-2 whitespace-nowrap", on ? "border-accent font-medium" : "border-transparent text-muted hover:text-text")}
    >
      {name}
    </Link>
  );
}
