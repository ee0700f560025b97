import { Link } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import { CircleUser, LogOut, Moon, Search, Sun } from "lucide-react";
import { useEffect, useRef } from "react";
import { api } from "~/api/client";
import { useAccount } from "~/api/session";
import { Mark } from "~/shell/mark";
import { type PageEntry, PAGES } from "~/shell/nav";
import { useTheme } from "~/shell/theme";
import { classes } from "~/ui/class";
import { toast } from "~/ui/toast";

const ROW = "flex h-8 w-full items-center gap-2.5 rounded-sm px-2.5 text-muted hover:bg-sunk hover:text-text max-lg:sm:justify-center max-lg:sm:px-0";

/** The pages; icons alone under 1024 px, and the whole of it in the drawer under 640 px. */
export function Sidebar({ onSearch, onLeave, open }: { onSearch: () => void; onLeave: () => void; open: boolean }) {
  const account = useAccount();
  const groups = ["main", "batch", "account", ...(account.role === "admin" ? (["admin"] as const) : [])] as const;
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) nav.current?.querySelector("a")?.focus();
  }, [open]);
  return (
    <nav ref={nav} aria-label="Pages" className="flex h-full flex-col gap-4 overflow-y-auto p-3 sm:w-14 lg:w-[220px]">
      <div className="px-1.5 py-1 max-lg:sm:px-1">
        <span className="lg:hidden max-sm:hidden">
          <Mark small />
        </span>
        <span className="max-lg:sm:hidden">
          <Mark />
        </span>
      </div>
      <Row icon={Search} name="Search" hint="Ctrl K" onClick={onSearch} />
      {groups.map((group) => {
        const pages = PAGES.filter((page) => page.group === group);
        if (pages.length === 0) return null;
        return (
          <ul key={group} aria-label={group === "admin" ? "Administration" : undefined} className="flex flex-col gap-0.5 border-t border-line pt-3 first:border-0">
            {pages.map((page) => (
              <li key={page.path}>
                <Entry page={page} onLeave={onLeave} />
              </li>
            ))}
          </ul>
        );
      })}
      <Footer name={account.name} onLeave={onLeave} />
    </nav>
  );
}

function Entry({ page, onLeave }: { page: PageEntry; onLeave: () => void }) {
  const { path, name, icon: Icon } = page;
  return (
    <Link
      to={path}
      title={name}
      onClick={onLeave}
      activeOptions={{ exact: path === "/", includeSearch: false }}
      className={ROW}
      activeProps={{ className: "bg-tint text-text! font-medium", "aria-current": "page" }}
    >
      <Icon size={16} aria-hidden />
      <span className="max-lg:sm:sr-only">{name}</span>
    </Link>
  );
}

function Row({ icon: Icon, name, hint, onClick }: { icon: LucideIcon; name: string; hint?: string; onClick: () => void }) {
  return (
    <button type="button" title={name} onClick={onClick} className={ROW}>
      <Icon size={16} aria-hidden />
      <span className="max-lg:sm:sr-only">{name}</span>
      {hint && <kbd className={classes("ml-auto font-sans text-xs text-muted max-lg:hidden")}>{hint}</kbd>}
    </button>
  );
}

function Footer({ name, onLeave }: { name: string; onLeave: () => void }) {
  const [theme, change] = useTheme();
  const logOut = () => {
    api.post("/api/logout").then(
      // A new document, so that nothing of this account is left in memory.
      () => window.location.assign("/login"),
      (error: Error) => toast(error.message, "bad"),
    );
  };
  return (
    <div className="mt-auto flex flex-col gap-0.5 border-t border-line pt-3">
      <Row icon={theme === "dark" ? Sun : Moon} name={theme === "dark" ? "Light theme" : "Dark theme"} onClick={change} />
      <Row icon={LogOut} name="Log out" onClick={logOut} />
      <Link to="/account" title={`Account: ${name}`} onClick={onLeave} className={ROW} activeProps={{ className: "bg-tint text-text! font-medium", "aria-current": "page" }}>
        <CircleUser size={16} aria-hidden />
        <span className="truncate max-lg:sm:sr-only">{name}</span>
      </Link>
    </div>
  );
}
