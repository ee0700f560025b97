import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import type { List, Session } from "~/api/types";
import { clientName } from "~/pages/account/client-name";
import { Badge } from "~/ui/badge";
import { Button } from "~/ui/button";
import { Confirm } from "~/ui/confirm";
import { Time } from "~/ui/format";
import { Failed, Skeleton } from "~/ui/states";
import { type Column, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

const SESSIONS = ["/api/sessions"];

/** Where one is signed in. */
export function Sessions() {
  const query = useQuery({ queryKey: SESSIONS, queryFn: () => api.get<List<Session>>("/api/sessions") });
  const [ending, setEnding] = useState<Session | "others" | null>(null);
  const rows = query.data?.data ?? [];
  return (
    <section className="flex flex-col gap-3">
      <header className="flex min-h-9 flex-wrap items-center justify-between gap-3">
        <h2 className="font-medium">
          Where you are signed in
        </h2>
        {rows.length > 1 && <Button onClick={() => setEnding("others")}>Revoke all others</Button>}
      </header>
      {query.isPending && <Skeleton rows={2} />}
      {query.error && <Failed error={query.error} what="Your sessions could not be listed." retry={() => void query.refetch()} />}
      {query.data && <Table label="Where you are signed in" columns={columns(setEnding)} rows={rows} id={(row) => row.id} />}
      {ending && <End which={ending} onClose={() => setEnding(null)} />}
    </section>
  );
}

function columns(onEnd: (session: Session) => void): Column<Session>[] {
  return [
    { name: "Client", cell: (row) => <span title={row.client}>{clientName(row.client)}</span> },
    { name: "Created", cell: (row) => <Time at={row.created_at} />, minor: "column" },
    { name: "Last seen", cell: (row) => <Time at={row.last_seen_at} /> },
    { name: "Ends", cell: (row) => <Time at={row.expires_at} />, minor: "column" },
    {
      name: "Revoke",
      hideName: true,
      number: true,
      cell: (row) =>
        row.current ? (
          <Badge mood="ok">This one</Badge>
        ) : (
          <Button look="quiet" aria-label={`Revoke ${clientName(row.client)}`} onClick={() => onEnd(row)}>
            Revoke
          </Button>
        ),
    },
  ];
}

function End({ which, onClose }: { which: Session | "others"; onClose: () => void }) {
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => api.delete(which === "others" ? "/api/sessions" : `/api/sessions/${which.id}`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: SESSIONS });
      toast(which === "others" ? "You are signed in here alone." : "The session has ended.");
      onClose();
    },
  });
  const everywhere = which === "others";
  return (
    <Confirm title={everywhere ? "Revoke all other sessions?" : `Revoke ${clientName(which.client)}?`} action="Revoke" busy={end.isPending} onConfirm={() => end.mutate()} onClose={onClose}>
      {everywhere ? "Every other browser has to log in again; this one stays signed in." : "That browser has to log in again. Revoke it if you do not know it, and change your password."}
      {end.error && <Failed error={end.error} />}
    </Confirm>
  );
}
