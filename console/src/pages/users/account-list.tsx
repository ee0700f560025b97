import { Link } from "@tanstack/react-router";
import type { AccountListed } from "~/api/types";
import { usePlanNames } from "~/pages/users/plan-names";
import { Badge } from "~/ui/badge";
import { Id } from "~/ui/copy";
import { ChoiceFilter, Filters, TextFilter } from "~/ui/filters";
import { Time } from "~/ui/format";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { type Column, Pager, Table } from "~/ui/table";

const COLUMNS: Column<AccountListed>[] = [
  {
    name: "Name",
    sort: "name",
    cell: ({ id, name }) => (
      <Link to="/users" search={{ account: id }} className="block max-w-56 truncate font-medium hover:underline" title={name}>
        <bdi>{name}</bdi>
      </Link>
    ),
  },
  { name: "E-mail", sort: "email", known: ({ email, name }) => email === name, cell: ({ email }) => <Email email={email} /> },
  { name: "Role", cell: ({ role }) => (role === "admin" ? "Admin" : "User") },
  { name: "Plan", cell: ({ plan }) => plan },
  { name: "State", cell: ({ state }) => <AccountState state={state} /> },
  { name: "Last active", sort: "last_active_at", minor: "column", cell: ({ last_active_at }) => <Time at={last_active_at} /> },
  { name: "Created", sort: "created_at", minor: true, cell: ({ created_at }) => <Time at={created_at} /> },
  { name: "Id", minor: true, cell: ({ id }) => <Id id={id} what="the account's id" /> },
];

export function AccountState({ state }: { state: "active" | "disabled" }) {
  return <Badge mood={state === "active" ? "ok" : "off"}>{state === "active" ? "Active" : "Disabled"}</Badge>;
}

export function Email({ email }: { email: string | null }) {
  if (email === null) return <span className="text-muted">none</span>;
  return (
    <span className="block max-w-64 truncate" title={email}>
      <bdi>{email}</bdi>
    </span>
  );
}

export function AccountList() {
  const [url] = useUrl();
  const sorting = useSorting("-created_at");
  const plans = usePlanNames();
  const filters = { search: url["search"], role: url["role"], plan: url["plan"], state: url["state"] };
  const list = useList<AccountListed>("/api/admin/accounts", { ...filters, sort: sorting.by });
  return (
    <div className="flex flex-col gap-4">
      <Filters>
        <TextFilter name="search" label="Name, e-mail or id" />
        <ChoiceFilter name="role" label="Role" choices={{ user: "User", admin: "Admin" }} />
        <ChoiceFilter name="plan" label="Plan" choices={Object.fromEntries(plans.map((name) => [name, name]))} />
        <ChoiceFilter name="state" label="State" choices={{ active: "Active", disabled: "Disabled" }} />
      </Filters>
      {list.isPending && <Skeleton rows={6} />}
      {list.error && <Failed error={list.error} what="The accounts could not be read." retry={() => void list.refetch()} />}
      {list.data && list.rows.length === 0 && <Empty command="penstock users list">No account is like that. Take a filter away, or invite somebody.</Empty>}
      {list.rows.length > 0 && <Table label="Accounts" columns={COLUMNS} rows={list.rows} id={({ id }) => id} sorting={sorting} />}
      <Pager {...list.pager} />
    </div>
  );
}
