import { useQuery } from "@tanstack/react-query";
import { api } from "~/api/client";
import { useAccount } from "~/api/session";
import type { List, Plan } from "~/api/types";
import { PlanTable } from "~/limits/plan-table";
import { Standing, limitsNow } from "~/limits/standing";
import { Page } from "~/ui/page";
import { useUrl } from "~/ui/pages";
import { Failed, Skeleton } from "~/ui/states";
import { Tab, Tabs } from "~/ui/tabs";

/** What one may use, how much of it is used now, and what the plans have. */
export default function Limits() {
  return (
    <Page title="Limits" about="A request over a limit is answered with status 429, which names the limit; its header retry-after says when there is room again.">
      <Standing />
      <Plans />
    </Page>
  );
}

function Plans() {
  const own = useAccount().plan;
  const currency = useQuery(limitsNow).data?.currency ?? "";
  const [url, setUrl] = useUrl();
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["/api/plans"], queryFn: () => api.get<List<Plan>>("/api/plans") });
  // One's own comes first: on a narrow screen not all of them are seen at once.
  const plans = (data?.data ?? []).toSorted((one, other) => Number(other.id === own) - Number(one.id === own));
  const wanted = url["plan"] ?? own;
  const shown = plans.some((plan) => plan.id === wanted) ? wanted : (plans[0]?.id ?? "");
  const names = Object.fromEntries(plans.map(({ id }) => [id, id === own ? `${id} (yours)` : id]));
  return (
    <section className="flex flex-col gap-2">
      <h2 className="text-lg font-semibold">Plans</h2>
      {isPending && <Skeleton rows={4} />}
      {error && <Failed error={error} what="The plans could not be listed." retry={() => void refetch()} />}
      {plans.length > 0 && (
        <Tabs label="Plan" value={shown} onChange={(plan) => setUrl({ plan: plan === own ? undefined : plan })} tabs={names}>
          {plans.map((plan) => (
            <Tab key={plan.id} value={plan.id} className="flex flex-col gap-4">
              <PlanTable plan={plan} currency={currency} />
            </Tab>
          ))}
        </Tabs>
      )}
    </section>
  );
}
