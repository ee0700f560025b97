import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "~/api/client";
import type { Invitation } from "~/api/types";
import { serverSettings } from "~/pages/settings/server-settings";
import { type Role, RoleAndPlan } from "~/pages/users/account-fields";
import { INVITATIONS } from "~/pages/users/invitation-list";
import { Button } from "~/ui/button";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Input, Select } from "~/ui/field";
import { Time } from "~/ui/format";
import { ShownOnce } from "~/ui/shown-once";
import { Failed } from "~/ui/states";

const LIVES: Record<string, string> = { 86_400: "1 day", 259_200: "3 days", 604_800: "7 days", 2_592_000: "30 days", 7_776_000: "90 days" };

/** Makes a link that makes one account. */
export function Invite({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("user");
  const [plan, setPlan] = useState("");
  const [life, setLife] = useState("604800");
  const make = useMutation({
    mutationFn: () => api.post<Invitation>(INVITATIONS, { email: email || null, role, plan: plan || null, expires_in: Number(life) }),
    onSuccess: () => client.invalidateQueries({ queryKey: [INVITATIONS] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  if (make.data?.token) return <Link invitation={make.data} token={make.data.token} onDone={onClose} />;
  const wrong = make.error instanceof ApiError && make.error.param === "email" ? make.error.message : null;
  return (
    <Dialog title="Invite somebody" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Closed />
        <Field label="E-mail" hint="Empty: whoever has the link may use it." error={wrong}>
          <Input type="email" autoFocus autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <RoleAndPlan role={role} onRole={setRole} plan={plan} onPlan={setPlan} />
        <Field label="Good for">
          <Select value={life} onChange={(event) => setLife(event.target.value)}>
            {Object.entries(LIVES).map(([seconds, name]) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
        {make.error && !wrong && <Failed error={make.error} what="The invitation was not made." />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={make.isPending}>
            Make link
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Link({ invitation, token, onDone }: { invitation: Invitation; token: string; onDone: () => void }) {
  const link = `${location.origin}/signup?invitation=${encodeURIComponent(token)}`;
  return (
    <ShownOnce title="The invitation" secret={link} what="Link" copy="Copy link" onDone={onDone}>
      Send this link{invitation.email && <> to <bdi className="break-words text-text">{invitation.email}</bdi></>}. It makes one account, expires <Time at={invitation.expires_at} />, and is not shown again.
    </ShownOnce>
  );
}

/** Where nobody can sign up, a link opens nothing; better said before it is sent. */
function Closed() {
  const { data } = useQuery(serverSettings);
  if (data?.settings.find(({ name }) => name === "signup")?.value !== "closed") return null;
  return (
    <p role="note" className="rounded-sm border border-warn px-3 py-2 text-xs">
      Sign-up is closed on this server, so a link opens nothing. Start it with <code className="font-mono">signup = "invitation"</code> in penstock.toml, or create the account here.
    </p>
  );
}
