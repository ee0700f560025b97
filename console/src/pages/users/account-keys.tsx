import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import type { Key } from "~/api/types";
import { Badge, type Mood } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Confirm } from "~/ui/confirm";
import { Time } from "~/ui/format";
import { useList } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

const KEYS = "/api/admin/keys";
const STATES: Record<Key["state"], [Mood, string]> = { active: ["ok", "Active"], disabled: ["off", "Disabled"], expired: ["warn", "Expired"], revoked: ["bad", "Revoked"] };

const columns = (onToggle: (key: Key) => void, onRevoke: (key: Key) => void): Column<Key>[] => [
  {
    name: "Name",
    cell: ({ name, of_console }) => (
      <span className="block max-w-56 truncate font-medium" title={name}>
        <bdi>{name}</bdi>
        {of_console && <span className="ml-2 font-normal text-muted">used by their console</span>}
      </span>
    ),
  },
  { name: "Key", cell: ({ hint }) => <code className="font-mono text-xs whitespace-nowrap">{hint}</code> },
  { name: "State", cell: ({ state }) => <Badge mood={STATES[state][0]}>{STATES[state][1]}</Badge> },
  { name: "Last used", cell: ({ last_used_at }) => <Time at={last_used_at} /> },
  { name: "Expires", minor: true, cell: ({ expires_at }) => <Time at={expires_at} /> },
  { name: "Id", minor: true, cell: ({ id }) => <Id id={id} what="the key's id" /> },
  {
    name: "Actions",
    hideName: true,
    cell: (key) =>
      key.state === "revoked" ? null : (
        <span className="flex justify-end gap-1">
          <Button look="quiet" onClick={() => onToggle(key)} aria-label={`${key.disabled_at === null ? "Disable" : "Enable"} the key ${key.name}`}>
            {key.disabled_at === null ? "Disable" : "Enable"}
          </Button>
          {!key.of_console && (
            <Button look="quiet" onClick={() => onRevoke(key)} aria-label={`Revoke the key ${key.name}`}>
              Revoke
            </Button>
          )}
        </span>
      ),
  },
];

/** The keys of one account. */
export function AccountKeys({ accountId }: { accountId: string }) {
  const client = useQueryClient();
  const [ending, setEnding] = useState<Key | null>(null);
  const list = useList<Key>(KEYS, { account_id: accountId }, { limit: 20 });
  const toggle = useMutation({
    mutationFn: (key: Key) => api.patch<Key>(`${KEYS}/${key.id}`, { disabled: key.disabled_at === null }),
    onSuccess: (key) => toast(key.disabled_at === null ? "The key is enabled." : "The key is disabled."),
    onError: (error) => toast(error.message, "bad"),
    onSettled: () => client.invalidateQueries({ queryKey: [KEYS] }),
  });
  return (
    <section aria-label="Keys" className="flex flex-col gap-3">
      <h2 className="font-medium">Keys</h2>
      {list.isPending && <Skeleton />}
      {list.error && <Failed error={list.error} what="The keys could not be read." retry={() => void list.refetch()} />}
      {list.data && list.rows.length === 0 && <Empty command={`penstock keys create NAME --account ${accountId}`}>This account has no key.</Empty>}
      {list.rows.length > 0 && <Table label="Keys of this account" columns={columns((key) => toggle.mutate(key), setEnding)} rows={list.rows} id={({ id }) => id} />}
      <Pager {...list.pager} />
      {ending && <Revoke apiKey={ending} onClose={() => setEnding(null)} />}
    </section>
  );
}

function Revoke({ apiKey, onClose }: { apiKey: Key; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => api.delete(`${KEYS}/${apiKey.id}`),
    onSuccess: () => {
      toast("The key is revoked.");
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: [KEYS] }),
  });
  return (
    <Confirm title="Revoke this key for good?" action="Revoke" busy={revoke.isPending} onConfirm={() => revoke.mutate()} onClose={onClose}>
      <div className="flex flex-col gap-3">
        <p className="break-words">
          <bdi className="text-text">{apiKey.name}</bdi>, and every key that it made, is refused within 5 seconds. Last used: <Time at={apiKey.last_used_at} />.
        </p>
        {revoke.error && <Failed error={revoke.error} what="The key was not revoked." />}
      </div>
    </Confirm>
  );
}
