import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api } from "~/api/client";
import type { List, MadeRequest } from "~/api/types";
import { End } from "~/requests/end";
import { Id } from "~/ui/copy";
import { Time, count, span } from "~/ui/format";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";

const COLUMNS: Column<MadeRequest>[] = [
  { name: "When", cell: (row) => <Time at={row.created_at} /> },
  { name: "Model", cell: (row) => row.model.split("/").at(-1) },
  { name: "Key", cell: (row) => row.key ?? "gone", minor: true },
  { name: "Status", cell: (row) => <End made={row} /> },
  { name: "In", number: true, minor: true, cell: (row) => count(row.input_tokens) },
  { name: "Out", number: true, minor: true, cell: (row) => count(row.output_tokens) },
  { name: "Time", number: true, cell: (row) => <span className="whitespace-nowrap">{span(row.total_ms)}</span> },
  { name: "Id", cell: (row) => <Id id={row.id} />, minor: true },
];

/** The last few requests of the account. */
export function LastRequests() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["/api/requests", "last"],
    queryFn: () => api.get<List<MadeRequest>>("/api/requests", { limit: 8 }),
    refetchInterval: 5000,
  });
  return (
    <section className="flex flex-col gap-3">
      <header className="flex items-baseline justify-between">
        <h2 className="font-medium">Last requests</h2>
        <Link to="/requests" className="text-accent hover:underline">
          All requests
        </Link>
      </header>
      {error && <Failed error={error} what="The requests could not be read." retry={() => void refetch()} />}
      {isPending && <Skeleton />}
      {data?.data.length === 0 && <Empty command="penstock chat">No request has come yet.</Empty>}
      {data && data.data.length > 0 && <Table label="Last requests" columns={COLUMNS} rows={data.data} id={(row) => row.id} />}
    </section>
  );
}
