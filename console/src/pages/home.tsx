import { useAccount } from "~/api/session";
import { Page } from "~/ui/page";

export default function Home() {
  const account = useAccount();
  return (
    <Page title="Home">
      <p>Signed in as {account.name}.</p>
    </Page>
  );
}
