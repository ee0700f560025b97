import { LastRequests } from "~/first/last-requests";
import { Numbers } from "~/first/numbers";
import { Steps } from "~/first/steps";
import { Page } from "~/ui/page";

export default function Home() {
  return (
    <Page title="Home">
      <Steps />
      <Numbers />
      <LastRequests />
    </Page>
  );
}
