import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { api } from "~/api/client";
import type { Invitation } from "~/api/types";
import { Email } from "~/pages/users/account-list";
import { Badge, type Mood } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Confirm } from "~/ui/confirm";
import { ChoiceFilter, Filters } from "~/ui/filters";
import { Time } from "~/ui/format";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

export const INVITATIONS = "/api/admin/invitations";
const STATES: Record<Invitation["state"], [Mood, string]> = { open: ["info", "Open"], used: ["ok", "Used"], expired: ["off", "Expired"] };

const columns = (onRevoke: (one: Invitation) => void): Column<Invitation>[] => [
  { name: "For", cell: ({ email }) => (email === null ? <span className="text-muted">anybody</span> : <Email email={email} />) },
  { name: "Role", cell: ({ role }) => (role === "admin" ? "Admin" : "User") },
  { name: "Plan", cell: ({ plan }) => plan },
  { name: "State", cell: (one) => <State invitation={one} /> },
  { name: "Expires", sort: "expires_at", cell: ({ expires_at }) => <Time at={expires_at} /> },
  { name: "Created", sort: "created_at", minor: true, cell: ({ created_at }) => <Time at={created_at} /> },
  { name: "By", minor: true, cell: ({ created_by }) => <AccountLink id={created_by} name="the inviter" /> },
  { name: "Id", minor: true, cell: ({ id }) => <Id id={id} what="the invitation's id" /> },
  {
    name: "Actions",
    hideName: true,
    cell: (one) => (one.state === "open" ? <Button look="quiet" onClick={() => onRevoke(one)} aria-label={`Take back the invitation for ${one.email ?? "anybody"}`}>Take back</Button> : null),
  },
];

function State({ invitation: { state, used_by, used_at } }: { invitation: Invitation }) {
  const [mood, word] = STATES[state];
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap">
      <Badge mood={mood}>{word}</Badge>
      {used_by && (
        <span className="text-muted">
          by <AccountLink id={used_by} name="this account" /> <Time at={used_at} />
        </span>
      )}
    </span>
  );
}

function AccountLink({ id, name }: { id: string; name: string }) {
  return (
    <Link to="/users" search={{ account: id }} className="text-accent underline" title={id}>
      {name}
    </Link>
  );
}

export function InvitationList({ onInvite }: { onInvite: () => void }) {
  const [url] = useUrl();
  const sorting = useSorting("-created_at");
  const [ending, setEnding] = useState<Invitation | null>(null);
  const list = useList<Invitation>(INVITATIONS, { state: url["state"], sort: sorting.by });
  return (
    <div className="flex flex-col gap-4">
      <Filters>
        <ChoiceFilter name="state" label="State" choices={{ open: "Open", used: "Used", expired: "Expired" }} />
      </Filters>
      {list.isPending && <Skeleton rows={6} />}
      {list.error && <Failed error={list.error} what="The invitations could not be read." retry={() => void list.refetch()} />}
      {list.data && list.rows.length === 0 && (
        <Empty
          command="penstock users invite bob@example.org"
          action={
            <Button icon={UserPlus} onClick={onInvite}>
              Invite somebody
            </Button>
          }
        >
          {url["state"] ? "There is no invitation in this state." : "Nobody was invited yet. An invitation is a link that makes one account."}
        </Empty>
      )}
      {list.rows.length > 0 && <Table label="Invitations" columns={columns(setEnding)} rows={list.rows} id={({ id }) => id} sorting={sorting} />}
      <Pager {...list.pager} />
      {ending && <TakeBack invitation={ending} onClose={() => setEnding(null)} />}
    </div>
  );
}

function TakeBack({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => api.delete(`${INVITATIONS}/${invitation.id}`),
    onSuccess: () => {
      toast("The invitation is taken back.");
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: [INVITATIONS] }),
  });
  return (
    <Confirm title="Take the invitation back?" action="Take back" busy={revoke.isPending} onConfirm={() => revoke.mutate()} onClose={onClose}>
      <p className="break-words">
        The link that was sent{invitation.email ? <> to <bdi>{invitation.email}</bdi></> : ""} opens nothing then.
      </p>
      {revoke.error && <Failed error={revoke.error} />}
    </Confirm>
  );
}
