import { Download } from "lucide-react";
import { withQuery } from "~/api/client";
import { LinkButton } from "~/ui/button";
import { Page } from "~/ui/page";
import { useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { UsageCharts } from "~/usage/charts";
import { GROUPS, type Group, type Question, queryOf, useUsage } from "~/usage/data";
import { Filters } from "~/usage/filters";
import { rangeOf, spanOf } from "~/usage/span";
import { Errors, Groups, Totals } from "~/usage/tables";

/** What was used, over time and by what. */
export default function UsageOfAccount() {
  const [url] = useUrl();
  const by = url["by"] !== undefined && url["by"] in GROUPS ? (url["by"] as Group) : undefined;
  const question: Question = { range: rangeOf(url["range"]), from: url["from"], to: url["to"], by, account: url["account"] || undefined };
  const { data, error, refetch, isPending } = useUsage(question);
  const csv = withQuery("/api/usage", { ...queryOf(question, spanOf(question.range, question.from, question.to)), format: "csv" });
  return (
    <Page
      title="Usage"
      actions={
        <LinkButton icon={Download} href={csv} download="usage.csv">
          Download CSV
        </LinkButton>
      }
    >
      <Filters question={question} />
      {error && <Failed error={error} what="The usage cannot be shown." retry={() => void refetch()} />}
      {isPending && <Skeleton rows={8} />}
      {data && data.buckets.every((bucket) => bucket.results.length === 0) ? (
        <Empty command="penstock usage">Nothing was asked in this span of time. Send a message in the Playground, or choose a longer span.</Empty>
      ) : (
        data && (
          <>
            <Totals usage={data} />
            <UsageCharts usage={data} by={by} account={question.account} />
            {by && <Groups usage={data} by={by} account={question.account} />}
            <Errors usage={data} account={question.account} />
          </>
        )
      )}
    </Page>
  );
}
