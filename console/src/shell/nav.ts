import type { LucideIcon } from "lucide-react";
import { Activity, Box, ChartLine, CircleUser, Cpu, FileText, Gauge, House, KeyRound, Layers, MessagesSquare, ScrollText, Settings, Users } from "lucide-react";
import type { ComponentType } from "react";

export interface PageEntry {
  path: string;
  name: string;
  icon: LucideIcon;
  /** Pages of one group stand together; those for `admin` are shown to administrators. None: not in the sidebar. */
  group?: "main" | "batch" | "account" | "admin";
  load: () => Promise<{ default: ComponentType }>;
}

/** Every page inside the shell, in the order of the sidebar. */
export const PAGES: PageEntry[] = [
  { path: "/", name: "Home", icon: House, group: "main", load: () => import("~/pages/home") },
  { path: "/playground", name: "Playground", icon: MessagesSquare, group: "main", load: () => import("~/pages/playground") },
  { path: "/models", name: "Models", icon: Box, group: "main", load: () => import("~/pages/models") },
  { path: "/batch", name: "Batch", icon: Layers, group: "batch", load: () => import("~/pages/batch") },
  { path: "/files", name: "Files", icon: FileText, group: "batch", load: () => import("~/pages/files") },
  { path: "/apikeys", name: "API Keys", icon: KeyRound, group: "account", load: () => import("~/pages/api-keys") },
  { path: "/usage", name: "Usage", icon: ChartLine, group: "account", load: () => import("~/pages/usage") },
  { path: "/requests", name: "Requests", icon: Activity, group: "account", load: () => import("~/pages/requests") },
  { path: "/limits", name: "Limits", icon: Gauge, group: "account", load: () => import("~/pages/limits") },
  { path: "/plans", name: "Plans", icon: Gauge, load: () => import("~/pages/limits") },
  { path: "/users", name: "Users", icon: Users, group: "admin", load: () => import("~/pages/users") },
  { path: "/workers", name: "Workers", icon: Cpu, group: "admin", load: () => import("~/pages/workers") },
  { path: "/settings", name: "Settings", icon: Settings, group: "admin", load: () => import("~/pages/settings") },
  { path: "/audit", name: "Audit", icon: ScrollText, group: "admin", load: () => import("~/pages/audit") },
  { path: "/account", name: "Account", icon: CircleUser, load: () => import("~/pages/account") },
];
