import { UserPlus } from "lucide-react";
import { useState } from "react";
import { AccountList } from "~/pages/users/account-list";
import { AccountView } from "~/pages/users/account-view";
import { InvitationList } from "~/pages/users/invitation-list";
import { Invite } from "~/pages/users/invite";
import { NewAccount } from "~/pages/users/new-account";
import { Button } from "~/ui/button";
import { Page } from "~/ui/page";
import { useUrl } from "~/ui/pages";
import { Tab, Tabs } from "~/ui/tabs";

/** Everybody who has an account here, or an invitation to one; `?account=` is one of them. */
export default function Users() {
  const [url] = useUrl();
  return url["account"] ? <AccountView key={url["account"]} id={url["account"]} /> : <Everybody />;
}

function Everybody() {
  const [url, setUrl] = useUrl();
  const [making, setMaking] = useState<"account" | "invitation" | null>(null);
  const tab = url["tab"] === "invitations" ? "invitations" : "accounts";
  const close = () => setMaking(null);
  const invite = () => setMaking("invitation");
  // What one list is filtered and sorted by, the other does not know.
  const turn = (to: string) => setUrl({ ...Object.fromEntries(Object.keys(url).map((name) => [name, undefined])), tab: to === "accounts" ? undefined : to });
  return (
    <Page
      title="Users"
      actions={
        <>
          <Button onClick={() => setMaking("account")}>Create account</Button>
          <Button look="primary" icon={UserPlus} onClick={invite}>
            Invite
          </Button>
        </>
      }
    >
      <Tabs label="Users" value={tab} onChange={turn} tabs={{ accounts: "Accounts", invitations: "Invitations" }}>
        <Tab value="accounts">
          <AccountList />
        </Tab>
        <Tab value="invitations">
          <InvitationList onInvite={invite} />
        </Tab>
      </Tabs>
      {making === "account" && <NewAccount onClose={close} />}
      {making === "invitation" && <Invite onClose={close} />}
    </Page>
  );
}
