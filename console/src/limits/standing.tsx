import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "~/api/client";
import { useLive } from "~/api/live";
import { queries } from "~/api/queries";
import { useAccount } from "~/api/session";
import type { FigureNow, LimitsNow } from "~/api/types";
import { Bar } from "~/ui/bar";
import { count, span } from "~/ui/format";
import { Panel } from "~/ui/page";
import { Failed, Skeleton } from "~/ui/states";

/** While one of the account's requests runs, and else: for requests too short to be seen running, and as figures go down. */
const BUSY_MS = 1_000;
const IDLE_MS = 5_000;
const NAMES: Record<string, string> = {
  requests_per_minute: "Requests per minute",
  requests_per_day: "Requests per day",
  input_tokens_per_minute: "Input tokens per minute",
  input_tokens_per_day: "Input tokens per day",
  output_tokens_per_minute: "Output tokens per minute",
  output_tokens_per_day: "Output tokens per day",
  concurrency: "Requests at once",
  monthly_budget: "Budget of this month",
};

export const limitsNow = queryOptions({
  queryKey: ["/api/limits"],
  queryFn: () => api.get<LimitsNow>("/api/limits"),
  refetchInterval: IDLE_MS,
  staleTime: 0,
});

/** How much of each limit is used at this moment, and when it is free. */
export function Standing() {
  const busy = useBusy();
  const { data, error, isPending, refetch } = useQuery({ ...limitsNow, refetchInterval: busy ? BUSY_MS : IDLE_MS });
  return (
    <Panel title="Now">
      {isPending && <Skeleton rows={3} />}
      {error && !data && <Failed error={error} what="What is used now could not be read." retry={() => void refetch()} />}
      {data?.data.length === 0 && (
        <p className="text-muted">
          Your plan, {data.plan}, has no limit on how much you ask. Keys can have limits of their own.
        </p>
      )}
      {data && data.data.length > 0 && (
        <ul className="grid gap-x-8 gap-y-5 sm:grid-cols-2 lg:grid-cols-3">
          {data.data.map((figure) => (
            <li key={`${figure.of} ${figure.model} ${figure.name}`}>
              <Now figure={figure} currency={data.currency} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Whether a request of the account waits or runs. As soon as one begins or the last one ends it is asked anew. */
function useBusy(): boolean {
  const { id } = useAccount();
  const busy = useLive()?.requests.some((request) => request.account_id === id) ?? false;
  useEffect(() => void queries.invalidateQueries({ queryKey: limitsNow.queryKey }), [busy]);
  return busy;
}

function Now({ figure, currency }: { figure: FigureNow; currency: string }) {
  const { used, held, limit } = figure;
  const taken = Math.min(used + held, limit);
  const words = `${amount(figure, used + held)} of ${amount(figure, limit)}${figure.name === "monthly_budget" ? ` ${currency}` : ""}`;
  const full = used + held >= limit;
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex items-baseline justify-between gap-3">
        <span className="min-w-0">
          {NAMES[figure.name] ?? figure.name}
          {figure.of === "console" && " of the console's key"}
        </span>
        <span className="font-medium whitespace-nowrap tabular-nums">{words}</span>
      </div>
      {figure.model && <span className="truncate font-mono text-xs text-muted">{figure.model}</span>}
      <Bar
        total={limit}
        label={words}
        parts={[
          { name: "used", value: Math.min(used, limit), colour: full ? "bad" : "accent" },
          { name: "under way", value: taken - Math.min(used, limit), colour: full ? "bad" : "info" },
        ]}
      />
      <span className="text-xs text-muted">{frees(figure)}</span>
    </div>
  );
}

function amount({ name }: FigureNow, value: number): string {
  return name === "monthly_budget" ? value.toFixed(2) : count(value);
}

/** When what is taken comes back. */
function frees({ name, used, held, reset_seconds }: FigureNow): string {
  if (name === "monthly_budget") return `Begins anew in ${span(reset_seconds * 1000)}.`;
  if (used + held === 0) return "All of it is free.";
  if (name === "concurrency") return "Free as soon as a request ends.";
  return held > 0 ? "All of it is free some time after the requests under way end." : `All of it is free in ${span(reset_seconds * 1000)}.`;
}
