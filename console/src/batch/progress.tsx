import type { Batch } from "~/api/types";
import { useRate } from "~/batch/rate";
import { isOver } from "~/batch/state";
import { Bar } from "~/ui/bar";
import { count, span } from "~/ui/format";

/** The bar of a batch, and how many of its lines are over. */
export function Progress({ batch }: { batch: Batch }) {
  const { total, completed, failed } = batch.request_counts;
  if (total === 0) return <span className="text-muted">{isOver(batch) ? "no line ran" : "not counted yet"}</span>;
  const label = `${count(completed)} done, ${count(failed)} failed, of ${count(total)}`;
  const parts = [
    { name: "done", value: completed, colour: "ok" as const },
    { name: "failed", value: failed, colour: "bad" as const },
  ];
  return (
    <div className="flex min-w-32 flex-col gap-1">
      <Bar parts={parts} total={total} label={label} />
      <span className="text-xs whitespace-nowrap text-muted">
        {count(completed + failed)} of {count(total)}
        {failed > 0 && <span className="text-bad"> · {count(failed)} failed</span>}
      </span>
    </div>
  );
}

const perSecond = (rate: number) => `${rate >= 100 ? count(rate) : rate.toFixed(1)} lines/s`;

/** How fast it goes, how long that will take, and what is left of its window. */
export function Pace({ batch, updatedAt }: { batch: Batch; updatedAt: number }) {
  const rate = useRate(batch, updatedAt);
  if (isOver(batch)) return null;
  const { total, completed, failed } = batch.request_counts;
  const left = total - completed - failed;
  const window = Math.max(0, batch.expires_at - updatedAt / 1000);
  const needed = rate && left > 0 ? left / rate : null;
  return (
    <p className="flex flex-wrap gap-x-4 text-xs text-muted tabular-nums">
      {rate !== null && <span>{perSecond(rate)}</span>}
      {needed !== null && <span>about {span(needed * 1000)} to go</span>}
      <span className={needed !== null && needed > window ? "text-warn" : undefined}>{span(window * 1000)} left of the window</span>
    </p>
  );
}
