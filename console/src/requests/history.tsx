import { Download } from "lucide-react";
import { useState } from "react";
import { withQuery } from "~/api/client";
import { useAccount } from "~/api/session";
import type { MadeRequest } from "~/api/types";
import { LinkButton } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Time, count, money, span, speed } from "~/ui/format";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";
import { RequestDetails } from "~/requests/details";
import { HistoryFilters, filtersOf, isFiltered } from "~/requests/filters";
import { Phases } from "~/requests/phases";
import { End } from "~/requests/end";

/** The requests that are over, as the ledger has them. */
export default function History() {
  const [url, setUrl] = useUrl();
  const sorting = useSorting("-created_at");
  const filters = filtersOf(url);
  const list = useList<MadeRequest>("/api/requests", { ...filters, sort: sorting.by });
  const [open, setOpen] = useState<MadeRequest>();
  const all = filters.account !== undefined;
  return (
    <div className="flex flex-col gap-4">
      <HistoryFilters />
      {list.error && <Failed error={list.error} what="The requests cannot be shown." retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton rows={8} />}
      {list.data && list.rows.length === 0 && <Nothing filtered={isFiltered(url)} />}
      {list.rows.length > 0 && (
        <>
          <Table label="Requests" columns={columns(all, setOpen)} rows={list.rows} id={(row) => row.id} sorting={sorting} onOpen={setOpen} />
          <div className="flex flex-wrap items-center justify-between gap-3">
            <LinkButton icon={Download} href={withQuery("/api/requests", { ...filters, format: "csv" })} download="requests.csv">
              Download CSV
            </LinkButton>
            <Pager {...list.pager} />
          </div>
        </>
      )}
      {open && <RequestDetails made={open} onClose={() => setOpen(undefined)} onFilter={(to) => (setOpen(undefined), setUrl({ ...to, after: undefined }))} />}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  const account = useAccount();
  if (filtered) return <Empty>No request is like that. Take a filter away to see more.</Empty>;
  return (
    <Empty command={`penstock run "Say hello."`}>
      {account.name} has made no request yet, or their rows are gone: they are kept for a while. Send a message in the Playground, or run this.
    </Empty>
  );
}

function columns(all: boolean, open: (row: MadeRequest) => void): Column<MadeRequest>[] {
  return [
    {
      name: "Time",
      sort: "created_at",
      cell: (row) => (
        // A row opens by a click anywhere; by keyboard it opens here.
        <button type="button" onClick={() => open(row)} className="text-left underline decoration-line underline-offset-4 hover:decoration-accent">
          <span className="sr-only">Open request {row.id}, </span>
          <Time at={row.created_at} />
        </button>
      ),
    },
    { name: "Status", cell: (row) => <End made={row} /> },
    { name: "Model", cell: (row) => <span className="block max-w-48 truncate" title={row.model}>{row.model.split("/").at(-1)}</span> },
    { name: all ? "Account, key" : "Key", minor: "column", cell: (row) => <Whose made={row} all={all} /> },
    { name: "Duration", sort: "total_ms", minor: "column", cell: (row) => <Phases made={row} /> },
    { name: "First token", sort: "ttft_ms", number: true, minor: "column", cell: (row) => (row.ttft_ms === null ? "–" : span(row.ttft_ms)) },
    { name: "In", number: true, cell: (row) => count(row.input_tokens) },
    { name: "Out", sort: "completion_tokens", number: true, cell: (row) => count(row.output_tokens) },
    { name: "Tok/s", number: true, minor: "column", cell: (row) => speed(row.tokens_per_second) },
    { name: "Cost", sort: "cost", number: true, minor: "column", cell: (row) => money(Number(row.cost), row.currency) },
  ];
}

function Whose({ made, all }: { made: MadeRequest; all: boolean }) {
  const key = made.key ?? <Id id={made.key_id} />;
  if (!all) return <span className="block max-w-40 truncate">{key}</span>;
  return (
    <span className="block max-w-44">
      <span className="block truncate">{made.account ?? made.account_id}</span>
      <span className="block truncate text-xs text-muted">{key}</span>
    </span>
  );
}
