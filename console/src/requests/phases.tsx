import type { MadeRequest } from "~/api/types";
import { Bar } from "~/ui/bar";
import { span } from "~/ui/format";

/** What a request waited for and did, in order; what never came is not there. */
export function phasesOf(made: MadeRequest) {
  const phases = [
    { name: "queue", value: made.queue_ms, colour: "warn" },
    { name: "load", value: made.load_ms, colour: "off" },
    { name: "prefill", value: made.prefill_ms, colour: "info" },
    { name: "decode", value: made.decode_ms, colour: "accent" },
  ] as const;
  return phases.flatMap(({ name, value, colour }) => (value === null ? [] : [{ name, value, colour }]));
}

/** Queue, load, prefill and decode in one bar, with the time of all together. */
export function Phases({ made }: { made: MadeRequest }) {
  const phases = phasesOf(made);
  const label = phases.map(({ name, value }) => `${name} ${span(value)}`).join(", ");
  return (
    <span className="flex w-40 max-w-full items-center gap-2">
      <Bar parts={phases} total={made.total_ms} label={label || "refused at once"} />
      <span className="w-16 shrink-0 text-right whitespace-nowrap">{span(made.total_ms)}</span>
    </span>
  );
}

const MARKS = { warn: "bg-warn", off: "bg-edge", info: "bg-info", accent: "bg-accent" } as const;

/** The bar with its numbers beneath. */
export function PhasesInNumbers({ made }: { made: MadeRequest }) {
  const phases = phasesOf(made);
  const rest = made.total_ms - phases.reduce((sum, one) => sum + one.value, 0);
  return (
    <div className="flex flex-col gap-2">
      <Bar parts={phases} total={made.total_ms} label="Where the time went; the numbers follow" />
      <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs tabular-nums">
        {phases.map(({ name, value, colour }) => (
          <li key={name} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={`size-2 rounded-full ${MARKS[colour]}`} />
            <span className="text-muted">{name}</span> {span(value)}
          </li>
        ))}
        {rest > 1 && (
          <li>
            <span className="text-muted">beside these</span> {span(rest)}
          </li>
        )}
        <li>
          <span className="text-muted">in all</span> {span(made.total_ms)}
        </li>
      </ul>
    </div>
  );
}
