import { useMutation, useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { api } from "~/api/client";
import { queries } from "~/api/queries";
import type { Key, KeyActivity } from "~/api/types";
import { columnsOf } from "~/keys/columns";
import { KeyDialogs, type Open } from "~/keys/dialogs";
import { Button } from "~/ui/button";
import { Input } from "~/ui/field";
import { Page } from "~/ui/page";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { Pager, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

const NEWEST = "-created_at";

/** One's own keys: made, shown once, changed, and deleted. */
export default function ApiKeys() {
  const [open, setOpen] = useState<Open | null>(null);
  const [url, setUrl] = useUrl();
  const search = url["search"] ?? "";
  const sorting = useSorting(NEWEST);
  const order = sorting.by.startsWith("-") ? "desc" : "asc";
  const { rows, pager, error, isPending, refetch } = useList<Key>("/api/keys", { search, sort: sorting.by.replace(/^-/, ""), order, revoked: false });
  const activity = useActivity(rows);
  const disable = useDisable();
  const issue = <Issue onClick={() => setOpen({ dialog: "issue" })} />;
  const none = pager.page === 1 && rows.every((key) => key.of_console);
  return (
    <Page title="API Keys" about="Each program gets a key of its own, so that one can end without the others." actions={issue}>
      {(!none || search) && (
        <Input type="search" aria-label="Search by name" placeholder="Search by name" className="sm:max-w-64" value={search} onChange={(event) => setUrl({ search: event.target.value, after: undefined })} />
      )}
      {error && <Failed error={error} what="The keys could not be listed." retry={() => void refetch()} />}
      {isPending && <Skeleton rows={5} />}
      {rows.length > 0 && (
        <Table label="API keys" rows={rows} id={(key) => key.id} sorting={sorting} columns={columnsOf({ activity, onOpen: setOpen, onDisable: (key, disabled) => disable.mutate({ key, disabled }) })} />
      )}
      {!isPending && !error && none && (search ? <p className="text-muted">No key has that in its name.</p> : <NoKeys action={issue} />)}
      <Pager {...pager} />
      {open && <KeyDialogs open={open} onOpen={setOpen} />}
    </Page>
  );
}

function Issue({ onClick }: { onClick: () => void }) {
  return (
    <Button look="primary" icon={Plus} onClick={onClick}>
      Issue New API Key
    </Button>
  );
}

function NoKeys({ action }: { action: React.ReactNode }) {
  return (
    <Empty action={action} command="penstock keys create my-key">
      You have no API key yet. Programs need one to ask models here.
    </Empty>
  );
}

/** Key -> its requests of each of the last 7 days, for all that are shown at once. */
function useActivity(rows: Key[]): Record<string, number[]> {
  const ids = rows.map((key) => key.id);
  const { data } = useQuery({
    queryKey: ["/api/key-activity", ...ids],
    queryFn: () => api.get<KeyActivity>("/api/key-activity", { ids }),
    enabled: ids.length > 0,
    staleTime: 30_000,
  });
  return Object.fromEntries((data?.data ?? []).map(({ key_id, requests }) => [key_id, requests]));
}

function useDisable() {
  return useMutation({
    mutationFn: ({ key, disabled }: { key: Key; disabled: boolean }) => api.patch<Key>(`/api/keys/${key.id}`, { disabled }),
    onSuccess: ({ name, state }) => {
      void queries.invalidateQueries({ queryKey: ["/api/keys"] });
      toast(state === "disabled" ? `${name} is disabled.` : `${name} is enabled.`);
    },
    onError: (error) => toast(error.message, "bad"),
  });
}
