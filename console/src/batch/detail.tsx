import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ban, Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import type { Batch, StoredFile } from "~/api/types";
import { Failures } from "~/batch/failures";
import { Lines } from "~/batch/lines";
import { EVERY_MS } from "~/batch/list";
import { Pace, Progress } from "~/batch/progress";
import { MOODS, canBeCancelled, isOver, moments, word } from "~/batch/state";
import { Badge } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Confirm } from "~/ui/confirm";
import { Time, count, middleCut, size, span } from "~/ui/format";
import { BackLink, Facts, Page, Panel } from "~/ui/page";
import { Failed, Skeleton } from "~/ui/states";
import { toast } from "~/ui/toast";

export function BatchDetail({ id }: { id: string }) {
  const path = `/api/batches/${encodeURIComponent(id)}`;
  const query = useQuery({
    queryKey: [path],
    queryFn: () => api.get<Batch>(path),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : EVERY_MS / 2),
  });
  const batch = query.data;
  return (
    <Page title="Batch" about={<About id={id} />} actions={batch && canBeCancelled(batch) && <Cancel batch={batch} path={path} />}>
      {query.error && <Failed what="The batch could not be read." error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton rows={6} />}
      {batch && <Shown batch={batch} updatedAt={query.dataUpdatedAt} />}
    </Page>
  );
}

function About({ id }: { id: string }) {
  return (
    <span className="flex flex-wrap items-center gap-x-4 gap-y-1">
      <BackLink to="/batch">All batches</BackLink>
      <Id id={id} what="the batch's id" />
    </span>
  );
}

function Shown({ batch, updatedAt }: { batch: Batch; updatedAt: number }) {
  return (
    <>
      <Panel>
        <div className="flex flex-col gap-3">
          <Badge mood={MOODS[batch.status]}>{word(batch.status)}</Badge>
          <Progress batch={batch} />
          <Pace batch={batch} updatedAt={updatedAt} />
        </div>
      </Panel>
      <div className="grid gap-6 lg:grid-cols-2">
        <Panel title="Times">
          <Times batch={batch} />
        </Panel>
        <Panel title="Files">
          <Facts facts={files(batch)} />
        </Panel>
        <Panel title="Request">
          <Facts facts={request(batch)} />
        </Panel>
        <Panel title="Usage">
          <Facts facts={usage(batch)} />
        </Panel>
      </div>
      <Failures batch={batch} />
      <Lines batch={batch} />
    </>
  );
}

function Times({ batch }: { batch: Batch }) {
  const came = moments(batch);
  const first = batch.created_at;
  const facts: [string, ReactNode][] = came.map(([name, at]) => [
    name,
    <span key={name} className="flex flex-wrap gap-x-3">
      <Time at={at} />
      {at > first && <span className="text-muted">after {span((at - first) * 1000)}</span>}
    </span>,
  ]);
  if (!isOver(batch)) facts.push(["Window ends", <Time key="end" at={batch.expires_at} />]);
  return <Facts facts={facts} />;
}

function files(batch: Batch): [string, ReactNode][] {
  return [
    ["Input", <FileLink key="input" id={batch.input_file_id} />],
    ["Output", batch.output_file_id ? <FileLink key="output" id={batch.output_file_id} /> : <None key="output" batch={batch} />],
    ["Errors", batch.error_file_id ? <FileLink key="errors" id={batch.error_file_id} /> : <None key="errors" batch={batch} />],
  ];
}

function None({ batch }: { batch: Batch }) {
  return <span className="text-muted">{isOver(batch) ? "none" : "when it is over"}</span>;
}

/** A file with its size, to be downloaded; one that was deleted says so. */
function FileLink({ id }: { id: string }) {
  const path = `/api/files/${id}`;
  const { data, error } = useQuery({ queryKey: [path], queryFn: () => api.get<StoredFile>(path), staleTime: Infinity, retry: false });
  if (error) return <span className="text-muted">deleted, or expired</span>;
  return (
    <span className="inline-flex max-w-full items-center gap-2 align-bottom">
      <a href={`${path}/content`} download title={data?.filename} className="inline-flex min-w-0 items-center gap-1.5 text-accent underline">
        <Download size={14} aria-hidden className="shrink-0" />
        <span className="truncate">{middleCut(data?.filename ?? id)}</span>
      </a>
      {data && <span className="shrink-0 text-muted">{size(data.bytes)}</span>}
    </span>
  );
}

function request(batch: Batch): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [
    ["Endpoint", <span key="endpoint" className="font-mono text-xs">{batch.endpoint}</span>],
    ["Model", batch.model ?? <span key="model" className="text-muted">{batch.request_counts.total > 0 ? "several" : isOver(batch) ? "none" : "not known yet"}</span>],
    ["Window", batch.completion_window],
  ];
  for (const [name, value] of Object.entries(batch.metadata ?? {})) facts.push([name, value]);
  return facts;
}

function usage(batch: Batch): [string, ReactNode][] {
  const { input_tokens, output_tokens, total_tokens, input_tokens_details, output_tokens_details } = batch.usage;
  return [
    ["Input", `${count(input_tokens)} tokens, ${count(input_tokens_details.cached_tokens ?? 0)} of them cached`],
    ["Output", `${count(output_tokens)} tokens, ${count(output_tokens_details.reasoning_tokens ?? 0)} of them of reasoning`],
    ["Total", `${count(total_tokens)} tokens`],
  ];
}

function Cancel({ batch, path }: { batch: Batch; path: string }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => api.post<Batch>(`${path}/cancel`),
    onSuccess: (cancelling) => {
      client.setQueryData([path], cancelling);
      setAsking(false);
    },
    onError: (error) => {
      setAsking(false);
      toast(error.message, "bad");
      void client.invalidateQueries({ queryKey: [path] });
    },
  });
  const { total, completed, failed } = batch.request_counts;
  return (
    <>
      <Button icon={Ban} look="danger" onClick={() => setAsking(true)}>
        Cancel
      </Button>
      {asking && (
        <Confirm title="Cancel this batch?" action="Cancel batch" busy={cancel.isPending} onConfirm={() => cancel.mutate()} onClose={() => setAsking(false)}>
          What runs is stopped at once. What was answered by then is kept, and is paid for: {count(completed + failed)} of {count(total)} lines so far.
        </Confirm>
      )}
    </>
  );
}
