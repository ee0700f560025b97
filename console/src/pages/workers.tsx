import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api } from "~/api/client";
import type { Machine, Worker } from "~/api/types";
import { Badge, type Mood } from "~/ui/badge";
import { Bar } from "~/ui/bar";
import { count, size, span } from "~/ui/format";
import { Facts, Page, Panel } from "~/ui/page";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";

const MOODS: Record<Worker["state"], Mood> = { pulling: "info", loading: "info", ready: "ok", failed: "bad", stopped: "off" };

const COLUMNS: Column<Worker>[] = [
  { name: "Model", cell: (row) => <span className="break-all">{row.model}</span> },
  { name: "State", cell: (row) => <State row={row} /> },
  { name: "Engine", cell: (row) => row.engine, minor: "column" },
  { name: "Process", number: true, cell: (row) => row.pid ?? "–", minor: "column" },
  { name: "Memory", number: true, cell: (row) => (row.memory_bytes === null ? "–" : size(row.memory_bytes)) },
  { name: "CPU time", number: true, cell: (row) => (row.cpu_seconds === null ? "–" : span(1000 * row.cpu_seconds)), minor: "column" },
  { name: "Slots", cell: (row) => <Slots row={row} /> },
  { name: "Waiting", number: true, cell: (row) => waiting(row) },
  { name: "Deaths in 5 min", number: true, cell: (row) => row.deaths, minor: "column" },
];

/** The engine processes of this server, and the machine that they share. */
export default function Workers() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["/api/admin/workers"],
    queryFn: () => api.get<{ data: Worker[]; machine: Machine }>("/api/admin/workers"),
    refetchInterval: 2000,
  });
  return (
    <Page title="Workers" about="An engine process for each model. Start, stop and logs are under Models.">
      {error && <Failed error={error} what="The workers could not be listed." retry={() => void refetch()} />}
      {isPending && <Skeleton />}
      {data?.data.length === 0 && <Empty command="penstock serve --model ID">No model is served here.</Empty>}
      {data && data.data.length > 0 && <Table label="Workers" columns={COLUMNS} rows={data.data} id={(row) => row.model} />}
      {data && <TheMachine machine={data.machine} />}
      <Link to="/models" className="self-start text-accent hover:underline">
        Models
      </Link>
    </Page>
  );
}

function State({ row }: { row: Worker }) {
  return (
    <div className="flex flex-col gap-0.5">
      <Badge mood={MOODS[row.state]}>{row.state}</Badge>
      {row.reason && row.state !== "ready" && <span className="max-w-xs text-xs break-words text-muted">{row.reason}</span>}
    </div>
  );
}

function Slots({ row }: { row: Worker }) {
  if (row.slots === 0) return <span className="text-muted">–</span>;
  const others = row.busy - row.lines;
  const said = `${row.busy} of ${row.slots} busy${row.lines > 0 ? `, ${row.lines} with lines of batches` : ""}`;
  return (
    <div className="flex min-w-32 flex-col gap-1">
      <span>
        {row.busy} of {row.slots}
      </span>
      <Bar label={said} total={row.slots} parts={[{ name: "requests", value: others, colour: "accent" }, { name: "lines", value: row.lines, colour: "info" }]} />
    </div>
  );
}

function waiting(row: Worker): string {
  const parts = [count(row.waiting)];
  if (row.waiting_flex > 0) parts.push(`${count(row.waiting_flex)} flex`);
  if (row.waiting_lines > 0) parts.push(`${count(row.waiting_lines)} lines`);
  return parts.join(", ");
}

function TheMachine({ machine }: { machine: Machine }) {
  const { memory_bytes, free_memory_bytes, disk_bytes, free_disk_bytes, memory_of_server_bytes } = machine;
  const facts: [string, string][] = [["Cores", `${machine.cores}${machine.load === null ? "" : `, load ${machine.load.toFixed(2)}`}`]];
  if (memory_bytes !== null && free_memory_bytes !== null) facts.push(["Memory", `${size(free_memory_bytes)} free of ${size(memory_bytes)}`]);
  facts.push(["Disk of the data folder", `${size(free_disk_bytes)} free of ${size(disk_bytes)}`]);
  if (memory_of_server_bytes !== null) facts.push(["Memory of the server itself", size(memory_of_server_bytes)]);
  return (
    <Panel title="Machine">
      <Facts facts={facts} />
    </Panel>
  );
}
