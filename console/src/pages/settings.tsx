import { useQuery } from "@tanstack/react-query";
import { Plans } from "~/pages/settings/plans";
import { ServerFacts } from "~/pages/settings/server-facts";
import { serverSettings } from "~/pages/settings/server-settings";
import { SettingList } from "~/pages/settings/setting-list";
import { Page } from "~/ui/page";
import { useUrl } from "~/ui/pages";
import { Failed, Skeleton } from "~/ui/states";
import { Tab, Tabs } from "~/ui/tabs";

/** How this server is set up, and the plans that its accounts are on. */
export default function Settings() {
  const [url, setUrl] = useUrl();
  const tab = url["tab"] === "plans" ? "plans" : "server";
  return (
    <Page title="Settings">
      <Tabs label="Settings" value={tab} onChange={(to) => setUrl({ tab: to === "server" ? undefined : to, plan: undefined })} tabs={{ server: "Server", plans: "Plans" }}>
        <Tab value="server">
          <Server />
        </Tab>
        <Tab value="plans">
          <Plans />
        </Tab>
      </Tabs>
    </Page>
  );
}

function Server() {
  const { data, error, refetch } = useQuery({ ...serverSettings, refetchInterval: 30_000 });
  if (error) return <Failed error={error} what="The settings could not be read." retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={8} />;
  return (
    <div className="flex flex-col gap-6">
      <ServerFacts server={data} />
      <SettingList server={data} />
    </div>
  );
}
