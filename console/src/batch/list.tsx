import { useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { BatchListed } from "~/api/types";
import { Pace, Progress } from "~/batch/progress";
import { MOODS, isOver, word } from "~/batch/state";
import { Badge } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Input, Select } from "~/ui/field";
import { Time } from "~/ui/format";
import { Page } from "~/ui/page";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";

/** While something is under way, so often. */
export const EVERY_MS = 2_000;

const STATES = ["validating", "in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled"] as const;

export function BatchList({ onNew }: { onNew: () => void }) {
  const [url] = useUrl();
  const navigate = useNavigate();
  const sorting = useSorting("-created_at");
  const filters = { status: url["status"], search: url["search"], sort: sorting.by };
  const every = (rows: BatchListed[]) => (rows.some((batch) => !isOver(batch)) ? EVERY_MS : false);
  const list = useList<BatchListed>("/api/batches", filters, { every });
  const filtered = Boolean(filters.status || filters.search);
  return (
    <Page
      title="Batch"
      about="Many requests in one file, answered in the time that is left over."
      actions={
        <Button look="primary" icon={Plus} onClick={onNew}>
          New batch
        </Button>
      }
    >
      <Filters />
      {list.error && <Failed what="The batches could not be read." error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton rows={6} />}
      {list.data && list.rows.length > 0 && (
        <Table
          label="Batches"
          columns={columns(list.dataUpdatedAt)}
          rows={list.rows}
          id={(batch) => batch.id}
          sorting={sorting}
          onOpen={(batch) => void navigate({ to: "/batch", search: { id: batch.id } as never })}
        />
      )}
      {list.data && list.rows.length === 0 && filtered && <Empty>No batch is like that.</Empty>}
      {list.data && list.rows.length === 0 && !filtered && (
        <Empty action={<Button onClick={onNew}>New batch</Button>} command="penstock batch create requests.jsonl --watch">
          You have no batches yet. One takes a file of requests and gives a file of answers.
        </Empty>
      )}
      <Pager {...list.pager} />
    </Page>
  );
}

function Filters() {
  const [url, setUrl] = useUrl();
  return (
    <div className="flex flex-wrap gap-2">
      <Input
        type="search"
        aria-label="Search by the name of the file"
        placeholder="Search by file"
        className="max-w-64"
        value={url["search"] ?? ""}
        onChange={(event) => setUrl({ search: event.target.value, after: undefined })}
      />
      <Select aria-label="State" className="max-w-44" value={url["status"] ?? ""} onChange={(event) => setUrl({ status: event.target.value, after: undefined })}>
        <option value="">All states</option>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {word(state)}
          </option>
        ))}
      </Select>
    </div>
  );
}

function columns(updatedAt: number): Column<BatchListed>[] {
  return [
    {
      name: "Batch",
      cell: (batch) => (
        <div className="flex flex-col">
          <a href={`/batch?id=${batch.id}`} className="max-w-64 truncate font-medium hover:underline" onClick={(event) => event.preventDefault()}>
            {batch.input_filename ?? "Deleted file"}
          </a>
          <span onClick={(event) => event.stopPropagation()} className="w-fit text-muted">
            <Id id={batch.id} what="the batch's id" />
          </span>
        </div>
      ),
    },
    { name: "State", sort: "status", cell: (batch) => <Badge mood={MOODS[batch.status]}>{word(batch.status)}</Badge> },
    {
      name: "Progress",
      sort: "total",
      wide: true,
      cell: (batch) => (
        <div className="flex flex-col py-1">
          <Progress batch={batch} />
          <Pace batch={batch} updatedAt={updatedAt} />
        </div>
      ),
    },
    { name: "Window", minor: true, cell: (batch) => batch.completion_window },
    { name: "Created", sort: "created_at", minor: "column", cell: (batch) => <Time at={batch.created_at} /> },
  ];
}
