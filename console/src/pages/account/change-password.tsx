import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "~/api/client";
import { useAccount } from "~/api/session";
import { Refused, saidOf, useCountdown } from "~/pages/entering";
import { Button } from "~/ui/button";
import { Field } from "~/ui/field";
import { Panel } from "~/ui/page";
import { PASSWORD_HINT, PasswordInput } from "~/ui/password";
import { toast } from "~/ui/toast";

const NOTHING = { current: "", new: "" };

/** Another password, which ends the other sessions. */
export function ChangePassword() {
  const account = useAccount();
  const client = useQueryClient();
  const [given, setGiven] = useState(NOTHING);
  const change = useMutation({
    mutationFn: () => api.post("/api/password", given),
    onSuccess: () => {
      setGiven(NOTHING);
      toast("The password is changed. All other sessions have ended.");
      return client.invalidateQueries({ queryKey: ["/api/sessions"] });
    },
  });
  const left = useCountdown(change.error);
  const wrong = change.error instanceof ApiError && change.error.code === "wrong_password";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  const field = (name: keyof typeof given) => ({
    value: given[name],
    required: true,
    onChange: (event: { target: HTMLInputElement }) => setGiven({ ...given, [name]: event.target.value }),
  });
  return (
    <Panel title="Change the password">
      <form onSubmit={submit} className="flex max-w-sm flex-col gap-4">
        {/* For password managers, which keep a password by its e-mail. */}
        <input type="text" name="username" autoComplete="username" value={account.email ?? ""} readOnly hidden />
        <Field label="Current password" error={wrong ? change.error?.message : null}>
          <PasswordInput autoComplete="current-password" {...field("current")} />
        </Field>
        <Field label="New password" hint={PASSWORD_HINT} error={saidOf(change.error, "new")}>
          <PasswordInput autoComplete="new-password" {...field("new")} />
        </Field>
        {!wrong && <Refused error={change.error} fields={["new"]} />}
        <div>
          <Button type="submit" busy={change.isPending} disabled={left > 0}>
            Change password
          </Button>
        </div>
      </form>
    </Panel>
  );
}
