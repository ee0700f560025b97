import type { Plan } from "~/api/types";
import { count, size } from "~/ui/format";
import { Facts } from "~/ui/page";
import { Table } from "~/ui/table";

type Definition = Plan["definition"];
type OfModel = NonNullable<Definition["models"]>[string];

const COLUMNS: [keyof OfModel, string][] = [
  ["context", "Context"],
  ["max_output", "Max output"],
  ["requests_per_minute", "Requests / min"],
  ["requests_per_day", "Requests / day"],
  ["input_tokens_per_minute", "Input tokens / min"],
  ["input_tokens_per_day", "Input tokens / day"],
  ["output_tokens_per_minute", "Output tokens / min"],
  ["output_tokens_per_day", "Output tokens / day"],
  ["concurrency", "At once"],
];

interface Row {
  model: string | null;
  limits: OfModel;
}

/** What one plan has, for all models together and for those with figures of their own. */
export function PlanTable({ plan: { definition }, currency }: { plan: Plan; currency: string }) {
  const rows: Row[] = [{ model: null, limits: definition }, ...Object.entries(definition.models ?? {}).map(([model, limits]) => ({ model, limits }))];
  const used = COLUMNS.filter(([name]) => rows.some(({ limits }) => isSet(limits[name])));
  return (
    <>
      {definition.description && <p className="text-muted">{definition.description}</p>}
      {used.length === 0 ? (
        <p>No limit on rate or size of requests.</p>
      ) : (
        <Table
          label="Limits by model"
          rows={rows}
          id={(row) => row.model ?? ""}
          columns={[
            { name: "Model", cell: ({ model }: Row) => (model ? <span className="font-mono text-xs">{model}</span> : "All models") },
            ...used.map(([name, title]) => ({ name: title, number: true, cell: ({ model, limits }: Row) => <Figure value={limits[name]} inherits={model !== null} /> })),
          ]}
        />
      )}
      <Facts facts={others(definition, currency)} />
    </>
  );
}

const isSet = (value: unknown) => value !== null && value !== undefined;

function Figure({ value, inherits }: { value: number | null | undefined; inherits: boolean }) {
  if (isSet(value)) return count(value as number);
  return <span className="text-muted">{inherits ? "as all" : "no limit"}</span>;
}

function others(definition: Definition, currency: string): [string, string][] {
  const limited = (value: number | null | undefined, write: (value: number) => string) => (isSet(value) ? write(value as number) : "no limit");
  return [
    ["Priority", definition.priority ?? "standard"],
    ["Lines of one batch", limited(definition.batch_lines, count)],
    ["Files kept at once", limited(definition.stored_bytes, size)],
    ["Budget of a month", limited(definition.monthly_budget, (value) => `${value.toFixed(2)} ${currency}`)],
  ];
}
