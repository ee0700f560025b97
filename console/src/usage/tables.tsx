import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { UsageDetails } from "~/api/types";
import { count, money, span as spanText, speed } from "~/ui/format";
import { type Column, Table } from "~/ui/table";
import { madeOf } from "~/usage/charts";
import { GROUPS, type Group, type Sums, type Usage, grouped, sumOf, useNames } from "~/usage/data";
import { Tile } from "~/ui/tile";

type Timing = UsageDetails["timings"]["total"];

const milliseconds = (value: number | null | undefined) => (value == null ? "–" : spanText(value));

/** The sums of the whole span. */
export function Totals({ usage }: { usage: Usage }) {
  const results = usage.buckets.flatMap((bucket) => bucket.results);
  const sums = sumOf(results);
  const timing = usage.details.timings.total;
  return (
    <section aria-label="Totals" className="grid grid-cols-2 gap-px overflow-hidden rounded-md border border-line bg-line sm:grid-cols-4">
      <Tile name="Requests" value={count(sums.requests)} more={`${count(sums.failed)} failed`} />
      <Tile name="Input tokens" value={count(sums.input_tokens)} more={`${count(sums.cached_input_tokens)} cached`} />
      <Tile name="Output tokens" value={count(sums.output_tokens)} />
      <Tile name="Cost" value={money(sums.cost, results[0]?.currency ?? "usd")} />
      <Tile name="Time to first token, p50" value={milliseconds(timing.ttft_p50_ms)} />
      <Tile name="Time to first token, p95" value={milliseconds(timing.ttft_p95_ms)} />
      <Tile name="Tokens per second" value={speed(timing.tokens_per_second)} />
      <Tile name="Measured requests" value={count(timing.requests)} more="with a first token" />
    </section>
  );
}

interface Row {
  id: string;
  name: string;
  sums: Sums;
  timing: Timing | undefined;
  currency: string;
}

/** The sums by what was grouped by. */
export function Groups({ usage, by, account }: { usage: Usage; by: Group; account: string | undefined }) {
  const nameOf = useNames(by, account);
  const timings = new Map(usage.details.timings.groups.map((one) => [one.value, one]));
  const rows = grouped(usage.buckets, by).map(([id, results]): Row => ({ id, name: nameOf(id), sums: sumOf(results), timing: timings.get(id), currency: results[0]?.currency ?? "usd" }));
  const number = (name: string, cell: (row: Row) => ReactNode, minor?: boolean): Column<Row> => ({ name, cell, number: true, minor: minor && "column" });
  const columns: Column<Row>[] = [
    { name: GROUPS[by], cell: (row) => <span title={row.id}>{row.name || "–"}</span> },
    number("Requests", (row) => count(row.sums.requests)),
    number("Failed", (row) => count(row.sums.failed), true),
    number("Input", (row) => count(row.sums.input_tokens)),
    number("Cached", (row) => count(row.sums.cached_input_tokens), true),
    number("Output", (row) => count(row.sums.output_tokens)),
    number("TTFT p50", (row) => milliseconds(row.timing?.ttft_p50_ms), true),
    number("TTFT p95", (row) => milliseconds(row.timing?.ttft_p95_ms), true),
    number("Tok/s", (row) => speed(row.timing?.tokens_per_second), true),
    number("Cost", (row) => money(row.sums.cost, row.currency)),
  ];
  return (
    <Part title={`By ${GROUPS[by].replace("User", "user").replace("Model", "model")}`}>
      <Table label={`Usage by ${GROUPS[by]}`} columns={columns} rows={rows} id={(row) => row.id} />
    </Part>
  );
}

/** Which errors there were. */
export function Errors({ usage, account }: { usage: Usage; account: string | undefined }) {
  const { errors } = usage.details;
  if (errors.length === 0) return null;
  const columns: Column<(typeof errors)[number]>[] = [
    {
      name: "Error",
      cell: (row) => (
        <Link to="/requests" search={{ tab: "history", outcome: "failed", error: row.code || undefined, account }} className="font-mono text-xs text-accent underline">
          {row.code || "unknown"}
        </Link>
      ),
    },
    { name: "Status", cell: (row) => row.status, number: true },
    { name: "Requests", cell: (row) => count(row.requests), number: true },
  ];
  return (
    <Part title="Errors" about={madeOf(usage.details).startsWith("Of single requests, without lines of batches.") ? undefined : "Counted out of the rows that are kept."}>
      <Table label="Errors by code" columns={columns} rows={errors} id={(row) => `${row.code} ${row.status}`} />
    </Part>
  );
}

function Part({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-3">
      <h2 className="font-medium">{title}</h2>
      {about && <p className="text-xs text-muted">{about}</p>}
      {children}
    </section>
  );
}
