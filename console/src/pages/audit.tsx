import { Download } from "lucide-react";
import { useState } from "react";
import { withQuery } from "~/api/client";
import type { Act } from "~/api/types";
import { ActDetails } from "~/pages/audit/details";
import { AUDIT_ACTIONS } from "~/pages/audit/actions";
import { Moment } from "~/pages/audit/moment";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { ChoiceFilter, Filters, TextFilter } from "~/ui/filters";
import { Time } from "~/ui/format";
import { Page } from "~/ui/page";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";
import { useSaving } from "~/pages/audit/saving";

const PATH = "/api/admin/audit";

const COLUMNS: Column<Act>[] = [
  { name: "When", sort: "at", cell: ({ at }) => <Time at={at} /> },
  { name: "Action", cell: ({ action }) => <code className="font-mono text-xs whitespace-nowrap">{action}</code> },
  { name: "Target", wide: true, cell: ({ target }) => <Id id={target} what="the target" /> },
  {
    name: "By",
    cell: ({ actor }) => (
      <span className="block max-w-44 truncate" title={actor}>
        <bdi>{actor}</bdi>
      </span>
    ),
  },
  { name: "What changed", wide: true, cell: ({ details }) => <ActDetails details={details} /> },
  { name: "Request", minor: true, cell: ({ request_id }) => (request_id ? <Id id={request_id} what="the request's id" /> : <span className="text-muted">none</span>) },
];

/** Who did what to what. The log only grows: nothing here can be changed. */
export default function Audit() {
  const [url] = useUrl();
  const sorting = useSorting("-at");
  const filters = {
    action: url["action"],
    actor: url["actor"],
    account_id: url["account_id"],
    target: url["target"],
    since: url["since"],
    until: url["until"],
    sort: sorting.by,
  };
  const list = useList<Act>(PATH, filters);
  const filtered = Object.entries(filters).some(([name, value]) => name !== "sort" && value);
  return (
    <Page title="Audit" about="Every change of an account, a key, a plan or an invitation. No row can be changed or deleted." actions={<Csv filters={filters} />}>
      <Filters>
        <ChoiceFilter name="action" label="Action" choices={AUDIT_ACTIONS} />
        <TextFilter name="actor" label="Who did it" />
        <TextFilter name="target" label="Target's id" />
        <TextFilter name="account_id" label="Actor's account id" />
        <Moment name="since" label="From" />
        <Moment name="until" label="Until" />
      </Filters>
      {list.isPending && <Skeleton rows={8} />}
      {list.error && <Failed error={list.error} what="The audit log could not be read." retry={() => void list.refetch()} />}
      {list.data && list.rows.length === 0 && <Empty command="penstock audit --since 7d">{filtered ? "Nothing like that was done. Take a filter away." : "Nothing was done yet."}</Empty>}
      {list.rows.length > 0 && <Table label="Acts" columns={COLUMNS} rows={list.rows} id={({ id }) => id} sorting={sorting} />}
      <Pager {...list.pager} />
    </Page>
  );
}

function Csv({ filters }: { filters: Record<string, string | undefined> }) {
  const [busy, setBusy] = useState(false);
  const save = useSaving(setBusy);
  return (
    <Button icon={Download} busy={busy} onClick={() => save(withQuery(PATH, { ...filters, format: "csv" }), "audit.csv")}>
      CSV
    </Button>
  );
}
