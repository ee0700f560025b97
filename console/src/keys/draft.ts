import type { Key } from "~/api/types";

export const SCOPES = ["inference", "batch", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** The limits of a key that the form has; a key may have more, which stay as they are. */
export const FIGURES = {
  requests_per_minute: "Requests per minute",
  input_tokens_per_minute: "Input tokens per minute",
  output_tokens_per_minute: "Output tokens per minute",
  concurrency: "Requests at once",
  monthly_budget: "Budget of a month",
} as const;
export type Figure = keyof typeof FIGURES;

/** What stands in the form of a key: texts, as they are typed. */
export interface Draft {
  name: string;
  /** A day, `2026-12-31`; "" is never. */
  expires: string;
  scopes: Scope[];
  /** Ids with commas between them; "" is all. */
  models: string;
  figures: Record<Figure, string>;
}

const names = Object.keys(FIGURES) as Figure[];

export function draftOf(key?: Key): Draft {
  const figures = Object.fromEntries(names.map((name) => [name, String(key?.limits[name] ?? "")])) as Record<Figure, string>;
  return {
    name: key?.name ?? "",
    expires: dayOf(key?.expires_at),
    scopes: key?.scopes ?? ["inference", "batch"],
    models: key?.models?.join(", ") ?? "",
    figures,
  };
}

function dayOf(at: number | null | undefined): string {
  if (!at) return "";
  const date = new Date(at * 1000);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Only what differs from `key`, as the server takes it; for a new key, what differs from what is usual. */
export function changesOf(draft: Draft, key?: Key): Record<string, unknown> {
  const before = draftOf(key);
  const changes: Record<string, unknown> = {};
  if (!key || draft.name !== before.name) changes["name"] = draft.name;
  if (draft.expires !== before.expires) changes["expires_at"] = endOf(draft.expires);
  if (String(draft.scopes) !== String(before.scopes)) changes["scopes"] = SCOPES.filter((scope) => draft.scopes.includes(scope));
  if (draft.models !== before.models) changes["models"] = modelsOf(draft.models);
  if (names.some((name) => draft.figures[name] !== before.figures[name])) changes["limits"] = limitsOf(draft, key);
  return changes;
}

function endOf(day: string): number | null {
  return day ? Math.floor(new Date(`${day}T23:59:59`).getTime() / 1000) : null;
}

function modelsOf(text: string): string[] | null {
  const ids = text
    .split(/[\s,]+/)
    .map((id) => id.trim())
    .filter(Boolean);
  return ids.length > 0 ? ids : null;
}

function limitsOf(draft: Draft, key?: Key): Record<string, unknown> {
  const typed = names.map((name) => [name, draft.figures[name].trim() ? Number(draft.figures[name]) : undefined]);
  const all = { ...key?.limits, ...Object.fromEntries(typed) } as Record<string, unknown>;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== null));
}
