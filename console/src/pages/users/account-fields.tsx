import { usePlanNames } from "~/pages/users/plan-names";
import { Field, Select } from "~/ui/field";

export type Role = "user" | "admin";

/** What an account may be and use; `plan` is "" for the server's default. */
export function RoleAndPlan({ role, onRole, plan, onPlan, needsPlan }: { role: Role; onRole: (role: Role) => void; plan: string; onPlan: (plan: string) => void; needsPlan?: boolean }) {
  const plans = usePlanNames();
  const names = plan && !plans.includes(plan) ? [plan, ...plans] : plans;
  return (
    <div className="grid grid-cols-2 gap-4">
      <Field label="Role" hint={role === "admin" ? "May do everything on this page." : undefined}>
        <Select value={role} onChange={(event) => onRole(event.target.value as Role)}>
          <option value="user">User</option>
          <option value="admin">Admin</option>
        </Select>
      </Field>
      <Field label="Plan">
        <Select value={plan} onChange={(event) => onPlan(event.target.value)}>
          {!needsPlan && <option value="">The default</option>}
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </Select>
      </Field>
    </div>
  );
}
