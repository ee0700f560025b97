import { useAccount } from "~/api/session";
import { ChangePassword } from "~/pages/account/change-password";
import { Sessions } from "~/pages/account/sessions";
import { Facts, Page, Panel } from "~/ui/page";
import { Id } from "~/ui/copy";

/** Who one is, where one is signed in, and the password. */
export default function AccountPage() {
  const account = useAccount();
  return (
    <Page title="Account">
      <Panel title="You">
        <Facts
          facts={[
            ["Name", account.name],
            ["E-mail", account.email ?? "none"],
            ["Role", account.role === "admin" ? "Administrator" : "User"],
            ["Plan", account.plan],
            ["Member since", new Date(account.created_at * 1000).toLocaleDateString("en-GB", { dateStyle: "long" })],
            ["Id", <Id key="id" id={account.id} what="the account's id" />],
          ]}
        />
      </Panel>
      <Sessions />
      <ChangePassword />
    </Page>
  );
}
