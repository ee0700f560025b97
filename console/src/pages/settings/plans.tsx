import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import type { Plan } from "~/api/types";
import { type Figure, shown } from "~/pages/settings/figures";
import { PlanForm } from "~/pages/settings/plan-form";
import { ResetPlan } from "~/pages/settings/reset-plan";
import { usePlans } from "~/pages/users/plan-names";
import { Badge, type Mood } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Failed, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";

const ORIGINS: Record<Plan["origin"], [Mood, string]> = { shipped: ["off", "Shipped"], "penstock.toml": ["info", "penstock.toml"], changed: ["warn", "Changed here"] };
const OVERVIEW: [Figure, string][] = [
  ["requests_per_minute", "Per minute"],
  ["requests_per_day", "Per day"],
  ["concurrency", "At once"],
  ["context", "Context"],
  ["max_output", "Output"],
  ["stored_bytes", "Files"],
  ["monthly_budget", "Budget"],
];

const columns = (onEdit: (plan: Plan) => void, onReset: (plan: Plan) => void): Column<Plan>[] => [
  {
    name: "Plan",
    cell: ({ id, definition }) => (
      <span className="block py-1">
        <Link to="/users" search={{ plan: id }} className="font-medium hover:underline" title={`Accounts on ${id}`}>
          {id}
        </Link>
        <span className="block max-w-52 truncate text-xs text-muted" title={definition.description}>
          {definition.description}
        </span>
      </span>
    ),
  },
  ...OVERVIEW.map(([name, title]): Column<Plan> => ({ name: title, number: true, minor: name === "requests_per_minute" ? false : "column", cell: ({ definition }) => shown(name, definition[name]) })),
  { name: "Priority", minor: "column", cell: ({ definition }) => (definition.priority === "high" ? "High" : "Standard") },
  { name: "Models", number: true, minor: "column", cell: ({ definition }) => Object.keys(definition.models ?? {}).length || "–" },
  { name: "From", cell: ({ origin }) => <Badge mood={ORIGINS[origin][0]}>{ORIGINS[origin][1]}</Badge> },
  {
    name: "Actions",
    hideName: true,
    cell: (plan) => (
      <span className="flex justify-end gap-1">
        <Button look="quiet" onClick={() => onEdit(plan)} aria-label={`Edit the plan ${plan.id}`}>
          Edit
        </Button>
        {plan.origin === "changed" && (
          <Button look="quiet" onClick={() => onReset(plan)} aria-label={`Reset the plan ${plan.id}`}>
            Reset
          </Button>
        )}
      </span>
    ),
  },
];

/** What accounts may use; an administrator changes the figures here, and they hold within seconds. */
export function Plans() {
  const { data, error, refetch } = usePlans();
  const [editing, setEditing] = useState<Plan | "new" | null>(null);
  const [resetting, setResetting] = useState<Plan | null>(null);
  if (error) return <Failed error={error} what="The plans could not be read." retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={7} />;
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-muted">What has no figure has no limit. A change holds within 5 seconds for every account on the plan; what was counted stays counted.</p>
        <Button icon={Plus} onClick={() => setEditing("new")}>
          New plan
        </Button>
      </div>
      <Table label="Plans" columns={columns(setEditing, setResetting)} rows={data.data} id={({ id }) => id} />
      {editing && <PlanForm plan={editing === "new" ? null : editing} taken={data.data.map(({ id }) => id)} onClose={() => setEditing(null)} />}
      {resetting && <ResetPlan plan={resetting} onClose={() => setResetting(null)} />}
    </div>
  );
}
