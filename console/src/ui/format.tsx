import { useEffect, useState } from "react";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12,345 */
export const count = (value: number) => whole.format(value);
/** 12.3K */
export const brief = (value: number) => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));

/** 42.5, 1,234: tokens a second; of what was too short to tell the server gives none. */
export const speed = (value: number | null | undefined) => (value == null ? "–" : value < 100 ? value.toFixed(1) : whole.format(value));

/** €0.0123: as many digits as a small amount needs; exact amounts are the server's. */
export function money(amount: number, currency: string): string {
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 6 : 2;
  return new Intl.NumberFormat("en", { style: "currency", currency: currency.toUpperCase(), minimumFractionDigits: 2, maximumFractionDigits: digits }).format(amount);
}

/** A name too long for its place, without its middle: the end tells a file of output from one of errors. */
export const middleCut = (name: string) => (name.length > 32 ? `${name.slice(0, 14)}…${name.slice(-15)}` : name);

/** 98.4 MB */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at++;
  }
  return `${bytes >= 100 || at === 0 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[at]}`;
}

/** 130 ms, 2.4 s, 3 min 20 s, 5 h 10 min */
export function span(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

function ago(seconds: number): string {
  const away = Math.abs(seconds);
  if (away < 45) return seconds <= 0 ? "just now" : "in a moment";
  if (away < 2700) return relative.format(Math.round(seconds / 60), "minute");
  if (away < 79_200) return relative.format(Math.round(seconds / 3600), "hour");
  if (away < 30 * 86_400) return relative.format(Math.round(seconds / 86_400), "day");
  if (away < 360 * 86_400) return relative.format(Math.round(seconds / (30 * 86_400)), "month");
  return relative.format(Math.round(seconds / (365 * 86_400)), "year");
}

/** How far away a moment (seconds since 1970) is; the absolute one on hover. */
export function Time({ at, none = "never" }: { at: number | null | undefined; none?: string }) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 30_000);
    return () => clearInterval(timer);
  }, []);
  if (at === null || at === undefined) return <span className="text-muted">{none}</span>;
  const date = new Date(at * 1000);
  return (
    <time dateTime={date.toISOString()} title={absolute.format(date)} className="whitespace-nowrap">
      {ago(at - now)}
    </time>
  );
}
