/** One thing that an act changed, or told. `from` is undefined where nothing is known of before. */
export interface Change {
  name: string;
  from: string | undefined;
  to: string;
}

/** What the details of an act say, a line for each thing. */
export function changesOf(details: Record<string, unknown>): Change[] {
  return Object.entries(details).flatMap(([name, value]): Change[] => {
    if (isDifference(value)) return [{ name, from: written(name, value.from), to: written(name, value.to) }];
    return value === null || value === "" || isEmpty(value) ? [] : [{ name, from: undefined, to: written(name, value) }];
  });
}

/** Limits of which there are none, say. */
const isEmpty = (value: unknown) => isPlain(value) && Object.keys(value).length === 0;

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function isDifference(value: unknown): value is { from: unknown; to: unknown } {
  return typeof value === "object" && value !== null && Object.keys(value).sort().join() === "from,to";
}

const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

function written(name: string, value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number" && /_(at|until)$/.test(name)) return absolute.format(new Date(value * 1000));
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.length > 0 ? value.join(", ") : "none";
  if (isPlain(value) && Object.values(value).every((one) => typeof one !== "object")) {
    const pairs = Object.entries(value).map(([of, one]) => `${of.replaceAll("_", " ")} ${String(one)}`);
    return pairs.length > 0 ? pairs.join(", ") : "none";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
