import { Suspense, lazy } from "react";
import { Page } from "~/ui/page";
import { useUrl } from "~/ui/pages";
import { Skeleton } from "~/ui/states";
import { Tab, Tabs } from "~/ui/tabs";

const Live = lazy(() => import("~/pages/requests-live"));
const History = lazy(() => import("~/requests/history"));

/** The requests one by one: those that run and wait, and those that are over. */
export default function Requests() {
  const [url, setUrl] = useUrl();
  const tab = url["tab"] === "history" ? "history" : "live";
  return (
    <Page title="Requests" about="What was said in a request is not kept: a row has its times, its tokens and how it ended.">
      <Tabs label="Requests" tabs={{ live: "Live", history: "History" }} value={tab} onChange={(to) => setUrl({ tab: to === "live" ? undefined : to, after: undefined, sort: undefined })}>
        <Tab value="live">
          <Suspense fallback={<Skeleton rows={8} />}>
            <Live />
          </Suspense>
        </Tab>
        <Tab value="history">
          <Suspense fallback={<Skeleton rows={8} />}>
            <History />
          </Suspense>
        </Tab>
      </Tabs>
    </Page>
  );
}
