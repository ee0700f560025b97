import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api } from "~/api/client";
import { useLive } from "~/api/live";
import { useAccount } from "~/api/session";
import type { RequestLive } from "~/api/types";
import { Badge, type Mood } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { count, span, speed } from "~/ui/format";
import { Empty, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

const MOODS: Record<RequestLive["stage"], Mood> = { queued: "off", prefill: "info", decoding: "ok" };
const WORDS: Record<RequestLive["stage"], string> = { queued: "Queued", prefill: "Reading", decoding: "Writing" };

/** The requests that wait and run now: one's own, and for an administrator everybody's. */
export default function RequestsLive() {
  const live = useLive();
  const account = useAccount();
  const navigate = useNavigate();
  const now = useNow();
  if (!live) return <Skeleton rows={8} />;
  if (live.requests.length === 0) {
    const action = <Button onClick={() => void navigate({ to: "/playground" })}>Open the playground</Button>;
    return (
      <Empty action={action} command="penstock chat">
        Nothing runs or waits now. A request is shown here as soon as it comes.
      </Empty>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <Table label="Requests that run or wait" columns={columns(now, account.role === "admin")} rows={live.requests} id={(request) => request.id} />
      {live.more > 0 && <p className="text-muted">and {count(live.more)} more</p>}
    </div>
  );
}

function columns(now: number, everybody: boolean): Column<RequestLive>[] {
  const shown: Column<RequestLive>[] = [
    { name: "Age", number: true, cell: ({ started_at }) => <span className="whitespace-nowrap">{age(now - started_at)}</span> },
    { name: "Request", minor: "column", wide: true, cell: ({ id }) => <Id id={id} what="the request's id" /> },
    { name: "Key", cell: ({ key }) => key },
    { name: "Model", cell: ({ model }) => <span title={model}>{model.split("/").at(-1)}</span> },
    { name: "Stage", cell: ({ stage }) => <Badge mood={MOODS[stage]}>{WORDS[stage]}</Badge> },
    { name: "Tokens", number: true, cell: ({ output_tokens }) => count(output_tokens) },
    { name: "Tokens/s", number: true, cell: ({ tokens_per_second }) => speed(tokens_per_second) },
    { name: "Cancel", hideName: true, cell: (request) => <Cancel request={request} /> },
  ];
  if (everybody) shown.splice(2, 0, { name: "Account", minor: true, cell: ({ account_id }) => <Id id={account_id} what="the account's id" /> });
  return shown;
}

const age = (seconds: number) => (seconds < 1 ? "0 s" : span(1000 * Math.floor(seconds)));

/** Breaks one off. Its row goes with the next event. */
function Cancel({ request }: { request: RequestLive }) {
  const cancel = useMutation({
    mutationFn: () => api.post(`/api/requests/${encodeURIComponent(request.id)}/cancel`),
    onError: (error) => toast(error.message, "bad"),
  });
  if (request.batch) return <span className="text-xs text-muted">line of a batch</span>;
  return (
    <Button busy={cancel.isPending || cancel.isSuccess} aria-label={`Cancel the request to ${request.model} by ${request.key}`} onClick={() => cancel.mutate()}>
      Cancel
    </Button>
  );
}

/** The time in seconds since 1970, twice a second. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 500);
    return () => clearInterval(timer);
  }, []);
  return now;
}
