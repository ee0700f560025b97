import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "~/api/client";
import type { Account } from "~/api/types";
import { type Role, RoleAndPlan } from "~/pages/users/account-fields";
import { newPassword } from "~/pages/users/password";
import { Button } from "~/ui/button";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Input } from "~/ui/field";
import { ShownOnce } from "~/ui/shown-once";
import { Failed } from "~/ui/states";

/** Makes an account, with a password that is chosen here and shown once. */
export function NewAccount({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("user");
  const [plan, setPlan] = useState("");
  const [password] = useState(newPassword);
  const make = useMutation({
    mutationFn: () => api.post<Account>("/api/admin/accounts", { email, name, role, plan: plan || null, password }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["/api/admin/accounts"] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  if (make.data) {
    return (
      <ShownOnce title="The account is made" secret={password} what="Password" copy="Copy password" onDone={onClose}>
        Give <bdi className="break-words text-text">{make.data.email}</bdi> this password. It is not shown again; they can change it once they are in.
      </ShownOnce>
    );
  }
  const wrong = (field: string) => (make.error instanceof ApiError && make.error.param === field ? make.error.message : null);
  return (
    <Dialog title="Create account" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="E-mail" error={wrong("email")}>
          <Input type="email" required autoFocus autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Name" hint="Without one it is called by its e-mail." error={wrong("name")}>
          <Input maxLength={100} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <RoleAndPlan role={role} onRole={setRole} plan={plan} onPlan={setPlan} />
        <p className="text-xs text-muted">A password is made, and shown to you once.</p>
        {make.error && !wrong("email") && !wrong("name") && <Failed error={make.error} what="The account was not made." />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={make.isPending}>
            Create account
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}
