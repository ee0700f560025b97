import { ChartLine, Table2 } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { useTheme } from "~/shell/theme";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/class";

const COLOURS = ["accent", "info", "warn", "ok", "bad"] as const;

export interface Series {
  name: string;
  /** One for each time; null where nothing is known. */
  values: (number | null)[];
  colour?: (typeof COLOURS)[number];
}

interface Told {
  /** Starts of the spans, in seconds since 1970. */
  times: number[];
  series: Series[];
  /** A value as people read it, with its unit. */
  shown: (value: number) => string;
  /** How a time is written out, in the table and beside the cursor. */
  at: (time: number) => string;
  /** Whether the spans are days, which are those of UTC. */
  days?: boolean;
}

/** Lines over time, and the same numbers as a table. Charts of one page share a cursor. */
export function Chart({ title, note, ...told }: Told & { title: string; note?: string }) {
  const [table, setTable] = useState(false);
  const heading = useId();
  return (
    <section aria-labelledby={heading} className="min-w-0 rounded-md border border-line bg-panel">
      <header className="flex items-center justify-between gap-2 border-b border-line py-1.5 pr-2 pl-4">
        <h2 id={heading} className="font-medium">
          {title}
        </h2>
        <IconButton icon={table ? ChartLine : Table2} label={table ? `Show ${title} as a chart` : `Show ${title} as a table`} onClick={() => setTable(!table)} />
      </header>
      <div className="p-4">
        {table ? <Numbers title={title} {...told} /> : <Lines title={title} {...told} />}
        {note && <p className="mt-2 text-xs text-muted">{note}</p>}
      </div>
    </section>
  );
}

function Numbers({ title, times, series, shown, at }: Told & { title: string }) {
  const rows = times.map((time, index) => ({ time, index })).filter(({ index }) => series.some((one) => one.values[index]));
  if (rows.length === 0) return <p className="text-muted">Nothing in this span.</p>;
  return (
    <div tabIndex={0} role="region" aria-label={`${title}, as a table`} className="max-h-64 overflow-auto">
      <table className="w-full border-collapse text-left tabular-nums">
        <thead>
          <tr className="text-xs text-muted">
            <th scope="col" className="sticky top-0 bg-panel py-1.5 pr-4 font-medium">
              From
            </th>
            {series.map((one) => (
              <th key={one.name} scope="col" className="sticky top-0 bg-panel py-1.5 pl-4 text-right font-medium">
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, index }) => (
            <tr key={time} className="border-t border-line">
              <th scope="row" className="py-1.5 pr-4 font-normal whitespace-nowrap">
                {at(time)}
              </th>
              {series.map((one) => (
                <td key={one.name} className="py-1.5 pl-4 text-right whitespace-nowrap">
                  {written(one.values[index], shown)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const written = (value: number | null | undefined, shown: (value: number) => string) => (value === null || value === undefined ? "–" : shown(value));

function Lines({ title, times, series, shown, at, days }: Told & { title: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [theme] = useTheme();
  const data = useMemo(() => [times, ...series.map((one) => one.values)] as uPlot.AlignedData, [times, series]);
  const names = series.map((one) => one.name).join("\n");
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(data);
  // New numbers are put into the chart that is there: one that is made anew has lost where the pointer is.
  useEffect(() => {
    newest.current = data;
    plot.current?.setData(data);
  }, [data]);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    let gone = false;
    const fit = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: Plot }]) => {
      if (gone) return;
      const utc = days && { tzDate: (at: number) => Plot.tzDate(new Date(at * 1000), "Etc/UTC") };
      plot.current = new Plot({ ...options(Plot, box, series, shown, setCursor, days), ...utc }, newest.current, box);
      fit.observe(box);
    });
    return () => {
      gone = true;
      fit.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
    // `shown` is a function of the page; a new one of the same kind draws nothing anew. Nor do other values of the series.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [names, theme, days]);
  return (
    <figure className="flex flex-col gap-2">
      <figcaption className="flex min-h-5 flex-wrap items-center gap-x-4 gap-y-1 text-xs text-muted tabular-nums">
        {series.map((one, index) => (
          <span key={one.name} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={classes("h-0.5 w-3", MARKS[colourOf(one, index)])} />
            {one.name}
            {cursor !== null && <span className="text-text">{written(one.values[cursor], shown)}</span>}
          </span>
        ))}
        {cursor !== null && times[cursor] !== undefined && <span className="ml-auto">{at(times[cursor])}</span>}
      </figcaption>
      <div ref={place} role="img" aria-label={described(title, series, shown)} className="h-[180px] w-full overflow-hidden" />
    </figure>
  );
}

const HEIGHT = 180;
const MARKS = { accent: "bg-accent", info: "bg-info", warn: "bg-warn", ok: "bg-ok", bad: "bg-bad" } as const;
const colourOf = (one: Series, index: number) => one.colour ?? COLOURS[index % COLOURS.length] ?? "accent";

/** A canvas knows nothing of style sheets: the theme's colours are read, so that labels can be seen in either theme. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function options(Plot: typeof uPlot, box: HTMLElement, series: Series[], shown: (value: number) => string, onCursor: (index: number | null) => void, days: boolean | undefined): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colour("muted"),
    font: `12px ${getComputedStyle(box).fontFamily}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 4 },
  };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "page" }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
    scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 32, space: 80, values: (_plot, splits, _axis, _space, step) => splits.map((at) => onAxis(at, step, days)) },
      { ...axis, size: 64, values: (_plot, splits) => splits.map((value) => (value === 0 ? "0" : shown(value).replace(/\.0(?!\d)/, ""))) },
    ],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => {
        const stroke = colour(colourOf(one, index));
        return { label: one.name, stroke, width: 1.5, points: { show: (plot, at) => dotted(plot.data[at] ?? []), size: 5, fill: stroke }, paths: Plot.paths.linear?.() };
      }),
    ],
  };
}

const DAY = 86_400;

/** A moment on the axis: a day where the steps are days or a day begins, else the time of day. */
function onAxis(at: number, step: number, utc: boolean | undefined): string {
  const zone = utc ? { timeZone: "UTC" } : {};
  const time = new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...zone });
  if (step < DAY && time !== "00:00") return time;
  return new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", ...zone });
}

/** A value between two that are not known is no line; it is shown as a dot. */
function dotted(values: ArrayLike<number | null | undefined>): boolean {
  return values.length < 40 || Array.from(values).some((value, at) => value != null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);
}

function described(title: string, series: Series[], shown: (value: number) => string): string {
  const most = series.map((one) => {
    const known = one.values.filter((value) => value !== null);
    return known.length > 0 ? `${one.name}: at most ${shown(Math.max(...known))}` : `${one.name}: nothing`;
  });
  return `${title} over time. ${most.join("; ")}. The button above shows it as a table.`;
}
