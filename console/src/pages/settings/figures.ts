import type { Plan } from "~/api/types";
import { count, size } from "~/ui/format";

export type Definition = Plan["definition"];
export type OfModel = Definition["models"][string];
export type Figure = Exclude<keyof Definition, "models" | "description" | "priority">;

/** Every figure of a plan, as people call it; those of `OF_MODELS` can be given for one model alone. */
export const FIGURES: Record<Figure, string> = {
  requests_per_minute: "Requests per minute",
  requests_per_day: "Requests per day",
  input_tokens_per_minute: "Input tokens per minute",
  input_tokens_per_day: "Input tokens per day",
  output_tokens_per_minute: "Output tokens per minute",
  output_tokens_per_day: "Output tokens per day",
  concurrency: "Requests at once",
  context: "Context, in tokens",
  max_output: "Longest answer, in tokens",
  batch_lines: "Lines of one batch",
  stored_bytes: "Stored files, in bytes",
  monthly_budget: "Budget of a month",
};
const OF_PLANS: Figure[] = ["batch_lines", "stored_bytes", "monthly_budget"];
export const ALL = Object.keys(FIGURES) as Figure[];
export const OF_MODELS = ALL.filter((figure) => !OF_PLANS.includes(figure)) as (keyof OfModel)[];

/** Figures as they are typed: empty is no limit. */
export type Typed = Partial<Record<Figure, string>>;

export interface Draft {
  description: string;
  priority: Definition["priority"];
  figures: Typed;
  models: { id: string; figures: Typed }[];
}

function typed(limits: Partial<Record<Figure, number | null>>, names: readonly Figure[]): Typed {
  return Object.fromEntries(names.flatMap((name) => (limits[name] === null || limits[name] === undefined ? [] : [[name, String(limits[name])]])));
}

export function draftOf(definition?: Definition): Draft {
  const models = Object.entries(definition?.models ?? {});
  return {
    description: definition?.description ?? "",
    priority: definition?.priority ?? "standard",
    figures: definition ? typed(definition, ALL) : {},
    models: models.map(([id, limits]) => ({ id, figures: typed(limits, OF_MODELS) })),
  };
}

/** What is wrong with a figure; null for nothing. */
export function wrongWith(name: Figure, text: string | undefined): string | null {
  if (!text?.trim()) return null;
  const value = numberOf(text);
  if (name === "monthly_budget") return value >= 0 && value <= 1e9 ? null : "An amount of money, 0 or more.";
  const least = name === "context" || name === "max_output" ? 1 : 0;
  return Number.isInteger(value) && value >= least && value <= 2 ** 40 ? null : `A whole number, ${least} or more.`;
}

/** `1_000`, `1,000` and `1 000` are 1000. */
function numberOf(text: string): number {
  const plain = text.trim().replace(/(?<=\d)[_,\s](?=\d{3}(\D|$))/g, "");
  return /^\d+(\.\d+)?$/.test(plain) ? Number(plain) : Number.NaN;
}

export function isWrong({ figures, models }: Draft): boolean {
  const all = [figures, ...models.map((model) => model.figures)];
  return all.some((one) => ALL.some((name) => wrongWith(name, one[name]) !== null)) || models.some(({ id }) => !id.trim());
}

function numbers(figures: Typed): Partial<Record<Figure, number>> {
  return Object.fromEntries(Object.entries(figures).flatMap(([name, text]) => (text.trim() ? [[name, numberOf(text)]] : [])));
}

/** The whole plan, as the server takes it. */
export function definitionOf(draft: Draft): object {
  return {
    description: draft.description,
    priority: draft.priority,
    ...numbers(draft.figures),
    models: Object.fromEntries(draft.models.map(({ id, figures }) => [id.trim(), numbers(figures)])),
  };
}

/** One figure, to be read. */
export function shown(name: Figure, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return name === "stored_bytes" ? size(value) : name === "monthly_budget" ? value.toFixed(2) : count(value);
}
