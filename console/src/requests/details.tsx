import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { MadeRequest } from "~/api/types";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Actions, Dialog } from "~/ui/dialog";
import { Time, count, money, span, speed } from "~/ui/format";
import { Facts } from "~/ui/page";
import { End } from "~/requests/end";
import { PhasesInNumbers } from "~/requests/phases";

/** Everything that the row of a request tells. */
export function RequestDetails({ made, onClose, onFilter }: { made: MadeRequest; onClose: () => void; onFilter: (to: Record<string, string>) => void }) {
  return (
    <Dialog title="Request" onClose={onClose} wide>
      <div className="flex flex-col gap-5">
        {made.status === 429 && <Refusal made={made} />}
        <PhasesInNumbers made={made} />
        <Facts facts={facts(made)} />
        <p className="text-xs text-muted">What was said is not kept.</p>
      </div>
      <Actions>
        <Button onClick={() => onFilter({ key: made.key_id })}>Requests of this key</Button>
        <Link to="/playground" search={{ model: made.model }} className="inline-flex h-9 items-center rounded-sm border border-edge px-3 text-sm hover:bg-sunk">
          Open the model in the Playground
        </Link>
      </Actions>
    </Dialog>
  );
}

/** Which limit refused it, and when that frees. */
function Refusal({ made }: { made: MadeRequest }) {
  const limit = made.limit_hit?.replaceAll("_", " ");
  return (
    <div className="rounded-md border border-warn px-4 py-3">
      <p className="font-medium">{limit ? `Refused by the limit “${limit}”` : "Refused by a limit"}</p>
      <p>
        {made.frees_at === null ? (
          made.error_code === "insufficient_quota" ? "What may be spent or kept is used up; waiting alone does not help." : "The request is more than the limit allows in all; only a smaller one fits."
        ) : (
          <>
            The same request {made.frees_at * 1000 > Date.now() ? "fits" : "would have fitted"} <Time at={made.frees_at} />, {span(Math.max(0, (made.frees_at - made.created_at) * 1000))} after it was made.
          </>
        )}{" "}
        <Link to="/limits" className="text-accent underline">
          Your limits
        </Link>
      </p>
    </div>
  );
}

function facts(made: MadeRequest): [string, ReactNode][] {
  const price = (text: string) => `${money(Number(text) * 1e6, made.currency)} per million`;
  const more: [string, ReactNode][] = made.finish_reason === null ? [] : [["Finish reason", made.finish_reason]];
  return [
    ["Id", <Id key="id" id={made.id} what="the request's id" />],
    ["Began", <span key="began">{new Date(made.created_at * 1000).toLocaleString("en-GB")} (<Time at={made.created_at} />)</span>],
    ["Ended", <End key="end" made={made} />],
    ...more,
    ["Model", made.model],
    ["Endpoint", `${made.endpoint}${made.streamed ? ", streamed" : ""}${made.batch ? ", a line of a batch" : ""}`],
    ["Service tier", made.tier],
    ["Account", made.account ?? made.account_id],
    ["Key", <span key="key" className="inline-flex flex-wrap gap-2">{made.key} <Id id={made.key_id} what="the key's id" /></span>],
    ["First token", made.ttft_ms === null ? "none" : `after ${span(made.ttft_ms)}`],
    ["Tokens per second", speed(made.tokens_per_second)],
    ["Input", `${count(made.input_tokens)} tokens, ${count(made.cached_input_tokens)} of them cached`],
    ["Output", `${count(made.output_tokens)} tokens, ${count(made.reasoning_tokens)} of them of reasoning`],
    ["Cost", `${made.cost} ${made.currency.toUpperCase()}`],
    ["Prices then", `input ${price(made.input_price)}, cached ${price(made.cached_input_price)}, output ${price(made.output_price)}`],
  ];
}
