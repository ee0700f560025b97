import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { useAccount } from "~/api/session";
import type { Account } from "~/api/types";
import { AccountKeys } from "~/pages/users/account-keys";
import { AccountState } from "~/pages/users/account-list";
import { Disable, ResetPassword } from "~/pages/users/account-acts";
import { EditAccount } from "~/pages/users/edit-account";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Time } from "~/ui/format";
import { BackLink, Facts, Page, Panel } from "~/ui/page";
import { Failed, Skeleton } from "~/ui/states";

const LINK = "text-accent underline";

/** One account: what it is, what can be done with it, and its keys. */
export function AccountView({ id }: { id: string }) {
  const path = `/api/admin/accounts/${encodeURIComponent(id)}`;
  const account = useQuery({ queryKey: ["/api/admin/accounts", id], queryFn: () => api.get<Account>(path) });
  return (
    <Page
      title={account.data?.name ?? "Account"}
      about={
        <BackLink to="/users">All users</BackLink>
      }
      actions={account.data && <Acts account={account.data} />}
    >
      {account.isPending && <Skeleton />}
      {account.error && <Failed error={account.error} what="The account could not be read." retry={() => void account.refetch()} />}
      {account.data && (
        <>
          <About account={account.data} />
          <AccountKeys accountId={account.data.id} />
        </>
      )}
    </Page>
  );
}

function Acts({ account }: { account: Account }) {
  const [doing, setDoing] = useState<"edit" | "disable" | "password" | null>(null);
  const close = () => setDoing(null);
  return (
    <>
      <Button onClick={() => setDoing("password")}>Reset password</Button>
      <Button onClick={() => setDoing("disable")}>{account.state === "active" ? "Disable" : "Enable"}</Button>
      <Button look="primary" onClick={() => setDoing("edit")}>
        Edit
      </Button>
      {doing === "edit" && <EditAccount account={account} onClose={close} />}
      {doing === "disable" && <Disable account={account} onClose={close} />}
      {doing === "password" && <ResetPassword account={account} onClose={close} />}
    </>
  );
}

function About({ account }: { account: Account }) {
  const self = useAccount().id === account.id;
  return (
    <Panel>
      <Facts
        facts={[
          ["E-mail", account.email === null ? "none" : <bdi key="email">{account.email}</bdi>],
          ["Id", <Id key="id" id={account.id} what="the account's id" />],
          ["Role", `${account.role === "admin" ? "Admin" : "User"}${self ? " (you)" : ""}`],
          ["Plan", account.plan],
          ["State", <AccountState key="state" state={account.state} />],
          ["Created", <Time key="created" at={account.created_at} />],
          ...(account.disabled_at === null ? [] : [["Disabled", <Time key="disabled" at={account.disabled_at} />] as [string, ReactNode]]),
          [
            "See",
            <span key="see" className="flex flex-wrap gap-4">
              <Link to="/usage" search={{ account: account.id }} className={LINK}>
                What it used
              </Link>
              <Link to="/audit" search={{ account_id: account.id }} className={LINK}>
                What it did
              </Link>
              <Link to="/audit" search={{ target: account.id }} className={LINK}>
                What was done to it
              </Link>
            </span>,
          ],
        ]}
      />
    </Panel>
  );
}
