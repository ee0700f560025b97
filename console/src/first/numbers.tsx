import { useQuery } from "@tanstack/react-query";
import { api } from "~/api/client";
import { brief, span } from "~/ui/format";
import { Sparkline } from "~/ui/sparkline";
import { Failed, Skeleton } from "~/ui/states";

const HOUR = 3600;
const HOURS = 24;

interface UsagePage {
  data: { start_time: number; results: { requests: number; failed: number; input_tokens: number; output_tokens: number }[] }[];
}

interface Details {
  timings: { total: { ttft_p50_ms: number | null }; buckets: { start_time: number; ttft_p50_ms: number | null }[] };
}

/** Four numbers of the last 24 hours, each with its shape. */
export function Numbers() {
  const { data, error, isPending, refetch } = useDay();
  if (error) return <Failed error={error} what="The numbers of the last day could not be read." retry={() => void refetch()} />;
  if (isPending) return <Skeleton rows={2} />;
  return (
    <dl className="grid grid-cols-2 overflow-hidden rounded-md border border-line bg-panel lg:grid-cols-4">
      <One name="Requests" value={brief(sum(data.requests))} values={data.requests} />
      <One name="Tokens" value={brief(sum(data.tokens))} values={data.tokens} />
      <One name="Time to first token, p50" value={data.ttft === null ? "–" : span(data.ttft)} values={data.ttfts} />
      <One name="Failed or refused" value={brief(sum(data.failed))} values={data.failed} />
    </dl>
  );
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

function One({ name, value, values }: { name: string; value: string; values: number[] }) {
  return (
    <div className="-mr-px -mb-px flex flex-col gap-1 border-r border-b border-line p-4">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="flex items-end justify-between gap-2 max-sm:flex-col max-sm:items-start">
        <span className="text-title font-semibold tabular-nums">{value}</span>
        {values.some((one) => one > 0) && <Sparkline values={values} label={`${name}, hour by hour over the last 24 hours: ${values.map(brief).join(", ")}`} />}
      </dd>
    </div>
  );
}

function useDay() {
  return useQuery({
    queryKey: ["home", "day"],
    refetchInterval: 10_000,
    queryFn: async () => {
      const start = (Math.floor(Date.now() / 1000 / HOUR) - HOURS + 1) * HOUR;
      const asked = { bucket_width: "1h", start_time: start };
      const [usage, details] = await Promise.all([
        api.get<UsagePage>("/api/usage", { ...asked, limit: HOURS }),
        api.get<Details>("/api/usage/details", asked),
      ]);
      const hours = usage.data.map(({ results }) => results[0]);
      const timed = new Map(details.timings.buckets.map((bucket) => [bucket.start_time, bucket.ttft_p50_ms]));
      return {
        requests: hours.map((hour) => hour?.requests ?? 0),
        tokens: hours.map((hour) => (hour ? hour.input_tokens + hour.output_tokens : 0)),
        failed: hours.map((hour) => hour?.failed ?? 0),
        ttft: details.timings.total.ttft_p50_ms,
        ttfts: usage.data.map(({ start_time }) => timed.get(start_time) ?? 0),
      };
    },
  });
}
