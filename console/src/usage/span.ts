/** Which span of time the Usage page shows, as its URL has it. */

export type Width = "1m" | "1h" | "1d";

export interface Span {
  /** Seconds since 1970. */
  start: number;
  /** Exclusive; undefined: now. */
  end: number | undefined;
  width: Width;
}

export const SECONDS: Record<Width, number> = { "1m": 60, "1h": 3600, "1d": 86_400 };

const RANGES = {
  "1h": { name: "Last hour", seconds: 3600, width: "1m" },
  "24h": { name: "24 hours", seconds: 86_400, width: "1h" },
  "7d": { name: "7 days", seconds: 7 * 86_400, width: "1h" },
  "30d": { name: "30 days", seconds: 30 * 86_400, width: "1d" },
} as const satisfies Record<string, { name: string; seconds: number; width: Width }>;

export type Range = keyof typeof RANGES | "custom";

/** Range → its name. */
export const NAMES: Record<Range, string> = {
  ...(Object.fromEntries(Object.entries(RANGES).map(([range, { name }]) => [range, name])) as Record<keyof typeof RANGES, string>),
  custom: "Custom",
};

export function rangeOf(text: string | undefined): Range {
  return text !== undefined && text in NAMES ? (text as Range) : "24h";
}

/** A day (2026-11-26) as seconds since 1970, in UTC: the sums are kept by days of UTC. */
function day(text: string | undefined): number | undefined {
  const at = text && /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) || at < 0 ? undefined : at / 1000;
}

/** The day of a moment, as a field of a date has it. */
export const dayOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10);

/** The span that a range means now; `from` and `to` are the days of a custom one, both inclusive. */
export function spanOf(range: Range, from: string | undefined, to: string | undefined, now = Math.floor(Date.now() / 1000)): Span {
  if (range !== "custom") {
    const { seconds, width } = RANGES[range];
    // Whole buckets, the last of which is under way.
    const last = Math.floor(now / SECONDS[width]) * SECONDS[width] + SECONDS[width];
    return { start: last - seconds, end: undefined, width };
  }
  const end = day(to) ?? Math.floor(now / 86_400) * 86_400;
  const start = Math.min(day(from) ?? end - 6 * 86_400, end);
  return { start, end: end + 86_400, width: end - start <= 6 * 86_400 ? "1h" : "1d" };
}

const minute = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** The start of a bucket as people read it: in their own time, but a day in UTC, which is how it was summed. */
export const told = (width: Width) => (at: number) => (width === "1d" ? `${days.format(at * 1000)} (UTC)` : minute.format(at * 1000));
