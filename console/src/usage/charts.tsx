import { useMemo } from "react";
import type { UsageDetails, UsageResult } from "~/api/types";
import { Chart, type Series } from "~/ui/chart";
import { brief, count, span as spanText } from "~/ui/format";
import { type Group, type Usage, grouped, sumOf, useNames } from "~/usage/data";
import { told } from "~/usage/span";

const MOST_LINES = 5;

const tokensPerSecond = (value: number) => (value < 100 ? value.toFixed(1) : brief(value));

/** What happened over time; one cursor goes through all of it. */
export function UsageCharts({ usage, by, account }: { usage: Usage; by: Group | undefined; account: string | undefined }) {
  const { span, buckets, details } = usage;
  const nameOf = useNames(by, account);
  const times = useMemo(() => buckets.map((bucket) => bucket.start_time), [buckets]);
  const results = useMemo(() => buckets.map((bucket) => bucket.results), [buckets]);
  const lines = useMemo(() => (by ? byGroup(results, grouped(buckets, by).slice(0, MOST_LINES), by) : overall(results)), [by, buckets, results]);
  const named = (series: Series[]) => (by ? series.map((one) => ({ ...one, name: nameOf(one.name) })) : series);
  const timing = useMemo(() => ofTimings(times, details), [times, details]);
  const at = told(span.width);
  const days = span.width === "1d";
  const note = by && grouped(buckets, by).length > MOST_LINES ? `The ${MOST_LINES} with the most tokens.` : undefined;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Chart title="Tokens" times={times} series={named(lines.tokens)} shown={brief} at={at} days={days} note={note} />
      <Chart title="Requests" times={times} series={named(lines.requests)} shown={brief} at={at} days={days} note={note} />
      <Chart title="Time to first token" times={times} series={timing.first} shown={spanText} at={at} days={days} note={madeOf(details)} />
      <Chart title="Tokens per second" times={times} series={timing.speed} shown={tokensPerSecond} at={at} days={days} note={madeOf(details)} />
    </div>
  );
}

function overall(results: UsageResult[][]): { tokens: Series[]; requests: Series[] } {
  const sums = results.map(sumOf);
  return {
    tokens: [
      { name: "Input", values: sums.map((one) => one.input_tokens), colour: "accent" },
      { name: "Cached input", values: sums.map((one) => one.cached_input_tokens), colour: "info" },
      { name: "Output", values: sums.map((one) => one.output_tokens), colour: "ok" },
    ],
    requests: [
      { name: "All", values: sums.map((one) => one.requests), colour: "accent" },
      { name: "Failed", values: sums.map((one) => one.failed), colour: "bad" },
    ],
  };
}

function byGroup(results: UsageResult[][], groups: [string, UsageResult[]][], by: Group): { tokens: Series[]; requests: Series[] } {
  const series = (value: (one: UsageResult) => number) =>
    groups.map(([group]) => ({
      name: group,
      values: results.map((bucket) => bucket.filter((one) => (one[by] ?? "") === group).reduce((sum, one) => sum + value(one), 0)),
    }));
  return { tokens: series((one) => one.input_tokens + one.output_tokens), requests: series((one) => one.requests) };
}

function ofTimings(times: number[], { timings }: UsageDetails): { first: Series[]; speed: Series[] } {
  const at = new Map(timings.buckets.map((bucket) => [bucket.start_time, bucket]));
  const values = (of: "ttft_p50_ms" | "ttft_p95_ms" | "tokens_per_second") => times.map((time) => at.get(time)?.[of] ?? null);
  return {
    first: [
      { name: "p50", values: values("ttft_p50_ms"), colour: "accent" },
      { name: "p95", values: values("ttft_p95_ms"), colour: "warn" },
    ],
    speed: [{ name: "While decoding", values: values("tokens_per_second"), colour: "accent" }],
  };
}

/** What the percentiles were counted out of, where it is not simply everything. */
export function madeOf({ timings, rows_since, start_time }: UsageDetails): string {
  const whole = "Of single requests, without lines of batches";
  if (!timings.complete && timings.since !== null) {
    return `${whole}; of the newest ${count(timings.rows)}, since ${new Date(timings.since * 1000).toLocaleString("en-GB")}.`;
  }
  if (rows_since !== null && start_time < rows_since) {
    return `${whole}, which are kept since ${new Date(rows_since * 1000).toLocaleDateString("en-GB")}.`;
  }
  return `${whole}.`;
}
