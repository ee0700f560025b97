import RequestsLive from "~/pages/requests-live";
import { Page } from "~/ui/page";

/** The requests that run and wait. */
export default function Requests() {
  return (
    <Page title="Requests" about="What runs and waits now. What was said in a request is not kept.">
      <RequestsLive />
    </Page>
  );
}
