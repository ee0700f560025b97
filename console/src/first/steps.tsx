import { queryOptions, useQuery } from "@tanstack/react-query";
import { Check, ChevronRight } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { models as modelsQuery } from "~/api/models";
import type { FirstSteps, Model } from "~/api/types";
import { Ask } from "~/first/ask";
import { SnippetPanel } from "~/snippets/panel";
import { classes } from "~/ui/class";
import { ModelState } from "~/ui/model-state";
import { Command, Failed, Skeleton } from "~/ui/states";

export const firstSteps = queryOptions({
  queryKey: ["/api/home"],
  queryFn: () => api.get<FirstSteps>("/api/home"),
  // What is called from code is seen here as well.
  refetchInterval: ({ state }) => (state.data?.has_called ? false : 3000),
});

/** From a server that was just started to code that calls it; folded away for whoever comes when all three are done. */
export function Steps() {
  const models = useQuery(modelsQuery);
  const steps = useQuery(firstSteps);
  const [folded, setFolded] = useState<boolean>();
  const error = models.error ?? steps.error;
  if (error) return <Failed error={error} what="The first steps could not be read." retry={() => void Promise.all([models.refetch(), steps.refetch()])} />;
  if (!models.data || !steps.data) return <Skeleton rows={3} />;
  const chat = models.data.find((model) => model.kind === "chat" && model.state === "ready") ?? models.data.find((model) => model.kind === "chat");
  const { has_asked, has_called } = steps.data;
  const ready = chat?.state === "ready";
  // As it was when one came: what gets done meanwhile stays in sight, with the key that is shown this once.
  if (folded === undefined) setFolded(ready && has_asked && has_called);
  if (folded) {
    return (
      <button type="button" onClick={() => setFolded(false)} className="flex items-center gap-2 self-start text-muted hover:text-text">
        <ChevronRight size={16} aria-hidden />
        First steps: all done
      </button>
    );
  }
  const at = !ready ? 1 : !has_asked ? 2 : 3;
  return (
    <ol aria-label="First steps" className="overflow-hidden rounded-md border border-line bg-panel">
      <Step number={1} title="A model is ready" done={ready} now={at === 1}>
        {chat ? <Ready model={chat} /> : <NoModel />}
      </Step>
      <Step number={2} title="Send a message" done={has_asked} now={at === 2 || ready}>
        {chat && ready ? <Ask model={chat} /> : <p className="text-muted">As soon as the model is ready.</p>}
      </Step>
      <Step number={3} title="Call it from code" done={has_called} now={at === 3}>
        {chat && <SnippetPanel request={{ model: chat.id }} newKeyName="My first key" />}
      </Step>
    </ol>
  );
}

function Step({ number, title, done, now, children }: { number: number; title: string; done: boolean; now: boolean; children: ReactNode }) {
  return (
    <li className="flex gap-3 border-b border-line p-4 last:border-0">
      <span
        aria-hidden
        className={classes(
          "flex size-6 shrink-0 items-center justify-center rounded-full border text-xs font-medium",
          done ? "border-ok text-ok" : now ? "border-accent text-accent" : "border-edge text-muted",
        )}
      >
        {done ? <Check size={14} /> : number}
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-3">
        <h2 className="font-medium">
          {title}
          {done && <span className="sr-only"> (done)</span>}
        </h2>
        {children}
      </div>
    </li>
  );
}

function Ready({ model }: { model: Model }) {
  return (
    <div className="flex flex-wrap items-baseline gap-x-6 gap-y-2">
      <span className="font-mono text-xs break-all">{model.id}</span>
      <ModelState model={model} />
    </div>
  );
}

function NoModel() {
  return (
    <p className="text-muted">
      No model that writes text is served here. <Command>penstock serve --model HuggingFaceTB/SmolLM2-135M-Instruct</Command>
    </p>
  );
}
