import { type FormEvent, useState } from "react";
import { ApiError } from "~/api/client";
import { queries } from "~/api/queries";
import { session, useAccount } from "~/api/session";
import type { Account } from "~/api/types";
import { Refused, useChange } from "~/pages/users/account-acts";
import { type Role, RoleAndPlan } from "~/pages/users/account-fields";
import { Button } from "~/ui/button";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Input } from "~/ui/field";
import { toast } from "~/ui/toast";

/** Changes what an account is called, may be and may use. */
export function EditAccount({ account, onClose }: { account: Account; onClose: () => void }) {
  const self = useAccount().id === account.id;
  const [email, setEmail] = useState(account.email ?? "");
  const [name, setName] = useState(account.name);
  const [role, setRole] = useState<Role>(account.role);
  const [plan, setPlan] = useState(account.plan);
  const change = useChange(account, () => {
    toast("The account is changed. It holds within 5 seconds.");
    if (self) void queries.invalidateQueries({ queryKey: session.queryKey });
    onClose();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted: Record<string, string> = { email, name, role, plan };
    const now: Record<string, string> = { email: account.email ?? "", name: account.name, role: account.role, plan: account.plan };
    change.mutate(Object.fromEntries(Object.entries(wanted).filter(([field, value]) => value !== now[field])));
  };
  const wrong = (field: string) => (change.error instanceof ApiError && change.error.param === field ? change.error.message : null);
  return (
    <Dialog title="Edit account" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="E-mail" error={wrong("email")}>
          <Input type="email" required={account.email !== null} autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Name" error={wrong("name")}>
          <Input required maxLength={100} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <RoleAndPlan role={role} onRole={setRole} plan={plan} onPlan={setPlan} needsPlan />
        {change.error && !wrong("email") && !wrong("name") && <Refused error={change.error} />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={change.isPending}>
            Save
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}
