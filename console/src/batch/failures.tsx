import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api } from "~/api/client";
import type { Batch, Failures as Told } from "~/api/types";
import { isOver } from "~/batch/state";
import { count } from "~/ui/format";
import { Failed, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";

type Failure = Told["data"][number];

/** What went wrong, the most frequent first. Nothing where nothing did. */
export function Failures({ batch }: { batch: Batch }) {
  const failed = batch.request_counts.failed;
  const any = failed > 0 || batch.errors !== null;
  const path = `/api/batches/${batch.id}/failures`;
  const query = useQuery({
    // Anew only where more has failed, and not with each line that does.
    queryKey: [path, isOver(batch) ? "over" : "under way"],
    queryFn: () => api.get<Told>(path),
    enabled: any,
    staleTime: isOver(batch) ? Infinity : 5_000,
    refetchInterval: any && !isOver(batch) ? 10_000 : false,
    placeholderData: (before) => before,
  });
  if (!any) return null;
  if (query.error) return <Failed what="The errors could not be read." error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton rows={2} />;
  return (
    <section className="flex flex-col gap-2">
      <h2 className="font-medium">{batch.status === "failed" ? "What is wrong with the file" : "What failed"}</h2>
      <Table label="Errors by message" columns={columns(batch.id)} rows={query.data.data} id={(one) => `${one.status} ${one.code} ${one.message}`} />
      {query.data.others > 0 && <p className="text-muted">and {count(query.data.others)} lines for other reasons; the error file has them all.</p>}
      {!query.data.whole && <p className="text-muted">Not all of the error file was looked at.</p>}
    </section>
  );
}

const columns = (batch: string): Column<Failure>[] => [
    { name: "Lines", number: true, cell: (one) => count(one.count) },
    {
      name: "Error",
      wide: true,
      cell: (one) => (
        <div className="min-w-48">
          <p className="break-words">{one.message}</p>
          <p className="font-mono text-xs text-muted">{[one.status, one.code].filter(Boolean).join(" ")}</p>
        </div>
      ),
    },
    {
      name: "For example",
      cell: (one) => (
        <span className="flex flex-wrap gap-x-3 gap-y-1">
          {one.lines.filter((line) => line > 0).map((line) => (
            <Link key={line} to="/playground" search={{ batch, line }} title="Open it in the Playground" className="whitespace-nowrap text-accent underline">
              line {count(line)}
            </Link>
          ))}
        </span>
      ),
    },
];
