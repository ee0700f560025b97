import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useAccount } from "~/api/session";
import type { MadeRequest } from "~/api/types";
import { Button } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Actions, Dialog } from "~/ui/dialog";
import { Time, count, money, span, speed } from "~/ui/format";
import { Facts } from "~/ui/page";
import { End } from "~/requests/end";
import { PhasesInNumbers } from "~/requests/phases";

type OnFilter = (to: Record<string, string>) => void;

/** Everything that the row of a request tells. */
export function RequestDetails({ made, onClose, onFilter }: { made: MadeRequest; onClose: () => void; onFilter: OnFilter }) {
  return (
    <Dialog title="Request" onClose={onClose} wide>
      <div className="flex flex-col gap-5">
        {made.status === 429 && <Refusal made={made} />}
        <PhasesInNumbers made={made} />
        <Facts facts={facts(made, onFilter)} />
        <p className="text-xs text-muted">{made.batch_id ? "What was said is in the batch's files, as long as these are kept." : "What was said is not kept."}</p>
      </div>
      <Actions>
        <Button onClick={() => onFilter({ key: made.key_id })}>Requests of this key</Button>
        <ToPlayground made={made} />
      </Actions>
    </Dialog>
  );
}

/** A line of one's own batch with all that was said in it; of any other request the model alone. */
function ToPlayground({ made }: { made: MadeRequest }) {
  const own = made.account_id === useAccount().id;
  const look = "inline-flex h-9 items-center rounded-sm border border-edge px-3 text-sm hover:bg-sunk";
  if (own && made.batch_id && made.line) {
    return (
      <Link to="/playground" search={{ batch: made.batch_id, line: made.line }} className={look}>
        Open the line in the Playground
      </Link>
    );
  }
  if (made.endpoint.endsWith("/embeddings")) return null;
  return (
    <Link to="/playground" search={{ model: made.model, request: made.id }} className={look}>
      Open the model in the Playground
    </Link>
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

function BatchPlace({ id, line, onFilter }: { id: string; line: number | null; onFilter: OnFilter }) {
  return (
    <span className="inline-flex flex-wrap items-center gap-x-3">
      line {line} of <Id id={id} what="the batch's id" />
      <Link to="/batch" search={{ id }} className="text-accent underline">
        Open it
      </Link>
      <button type="button" onClick={() => onFilter({ batch_id: id })} className="text-accent underline">
        All its requests
      </button>
    </span>
  );
}

function facts(made: MadeRequest, onFilter: OnFilter): [string, ReactNode][] {
  const price = (text: string) => `${money(Number(text) * 1e6, made.currency)} per million`;
  const more: [string, ReactNode][] = made.finish_reason === null ? [] : [["Finish reason", made.finish_reason]];
  if (made.batch_id) more.push(["Batch", <BatchPlace key="batch" id={made.batch_id} line={made.line} onFilter={onFilter} />]);
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
