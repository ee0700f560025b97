import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api } from "~/api/client";
import type { Account } from "~/api/types";
import { newPassword } from "~/pages/users/password";
import { Confirm } from "~/ui/confirm";
import { ShownOnce } from "~/ui/shown-once";
import { Failed } from "~/ui/states";
import { toast } from "~/ui/toast";

/** Changes one account; the lists and the account itself are read anew. */
export function useChange(account: Account, onDone: (changed: Account) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (changes: object) => api.patch<Account>(`/api/admin/accounts/${account.id}`, changes),
    onSuccess: async (changed) => {
      await client.invalidateQueries({ queryKey: ["/api/admin/accounts"] });
      onDone(changed);
    },
  });
}

/** What a change was refused for. That an administrator must be left has a way out, which is told. */
export function Refused({ error }: { error: Error }) {
  if (error instanceof ApiError && error.code === "last_admin") {
    return (
      <div role="alert" className="rounded-md border border-warn px-4 py-3 text-text">
        <p className="font-medium">This is the last administrator who can sign in.</p>
        <p>Without one nobody could manage this server. Make another account an admin first, and see that they can sign in.</p>
      </div>
    );
  }
  return <Failed error={error} what="The account was not changed." />;
}

/** Disables an account, or enables it again. */
export function Disable({ account, onClose }: { account: Account; onClose: () => void }) {
  const active = account.state === "active";
  const change = useChange(account, () => {
    toast(active ? "The account is disabled." : "The account is enabled.");
    onClose();
  });
  return (
    <Confirm title={active ? "Disable this account?" : "Enable this account?"} action={active ? "Disable" : "Enable"} busy={change.isPending} onConfirm={() => change.mutate({ disabled: active })} onClose={onClose}>
      <div className="flex flex-col gap-3">
        <p className="break-words">
          {active ? "It is signed out everywhere at once, and its keys are refused within 5 seconds. Nothing is deleted." : "It can sign in again, and those of its keys work again that are not disabled themselves."} The account is <bdi className="text-text">{account.email ?? account.name}</bdi>.
        </p>
        {change.error && <Refused error={change.error} />}
      </div>
    </Confirm>
  );
}

/** Gives an account a password that is made here and shown once. */
export function ResetPassword({ account, onClose }: { account: Account; onClose: () => void }) {
  const [password] = useState(newPassword);
  const set = useMutation({ mutationFn: () => api.post<Account>(`/api/admin/accounts/${account.id}/password`, { password }) });
  if (set.isSuccess) {
    return (
      <ShownOnce title="The new password" secret={password} what="Password" copy="Copy password" onDone={onClose}>
        It is not shown again. <bdi className="break-words text-text">{account.email ?? account.name}</bdi> can change it once they are in.
      </ShownOnce>
    );
  }
  return (
    <Confirm title="Reset the password?" action="Reset password" busy={set.isPending} onConfirm={() => set.mutate()} onClose={onClose}>
      <div className="flex flex-col gap-3">
        <p className="break-words">
          <bdi className="text-text">{account.email ?? account.name}</bdi> gets a new password, which is shown to you once, and is signed out everywhere. Keys go on working.
          {account.email === null && " Without an e-mail nobody can sign in to this account: give it one with Edit."}
        </p>
        {set.error && <Failed error={set.error} what="The password was not changed." />}
      </div>
    </Confirm>
  );
}
