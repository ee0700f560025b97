import { Steps } from "~/first/steps";
import { Page } from "~/ui/page";

export default function Home() {
  return (
    <Page title="Home">
      <Steps />
    </Page>
  );
}
