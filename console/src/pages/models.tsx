import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { models as modelsQuery } from "~/api/models";
import { queries } from "~/api/queries";
import { useAccount } from "~/api/session";
import type { Model } from "~/api/types";
import { SnippetPanel } from "~/snippets/panel";
import { Button } from "~/ui/button";
import { Copy } from "~/ui/copy";
import { Confirm } from "~/ui/confirm";
import { Dialog } from "~/ui/dialog";
import { count } from "~/ui/format";
import { ModelState } from "~/ui/model-state";
import { Page } from "~/ui/page";
import { Command, Empty, Failed, Skeleton } from "~/ui/states";
import { toast } from "~/ui/toast";

/** The models of this server as they are. */
export default function Models() {
  const { data, error, isPending, refetch } = useQuery(modelsQuery);
  return (
    <Page title="Models" about="What this server runs, and what your plan lets you ask of it.">
      {error && <Failed error={error} what="The models could not be listed." retry={() => void refetch()} />}
      {isPending && <Skeleton />}
      {data?.length === 0 && <Empty command="penstock serve --model ID">No model is served that you may use.</Empty>}
      <ul className="flex flex-col gap-4">
        {data?.map((model) => (
          <li key={model.id}>
            <OneModel model={model} />
          </li>
        ))}
      </ul>
      <p className="text-muted">
        More models: <Command>penstock models list</Command>
      </p>
    </Page>
  );
}

function OneModel({ model }: { model: Model }) {
  const [open, setOpen] = useState<"code" | "log" | "stop">();
  const navigate = useNavigate();
  const close = () => setOpen(undefined);
  const also = model.names.filter((name) => name !== model.id);
  return (
    <article aria-label={model.id} className="flex flex-wrap items-start justify-between gap-x-6 gap-y-4 rounded-md border border-line bg-panel p-4">
      <div className="flex min-w-0 flex-col gap-1">
        <div className="flex flex-wrap items-center gap-x-3">
          <h2 className="text-lg font-medium break-all">{model.id.split("/").at(-1)}</h2>
          {model.state === "ready" && <ModelState model={model} />}
        </div>
        <span className="inline-flex items-center gap-1 font-mono text-xs break-all text-muted">
          {model.id}
          <Copy text={model.id} what="the model's id" />
        </span>
        {also.length > 0 && <p className="text-xs break-all text-muted">also {also.join(", ")}</p>}
        {model.state !== "ready" && <ModelState model={model} />}
      </div>
      <div className="flex flex-wrap gap-2">
        {model.kind === "chat" && <Button onClick={() => void navigate({ to: "/playground", search: { model: model.id } })}>Try</Button>}
        {model.kind === "chat" && <Button onClick={() => setOpen("code")}>Code</Button>}
        <Administration model={model} onStop={() => setOpen("stop")} onLog={() => setOpen("log")} />
      </div>
      <dl className="grid w-full grid-cols-2 gap-x-6 gap-y-3 border-t border-line pt-3 tabular-nums sm:flex sm:flex-wrap sm:gap-x-10">
        {facts(model).map(([name, value]) => (
          <div key={name}>
            <dt className="text-xs text-muted">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {open === "code" && (
        <Dialog title="Ask it from code" onClose={close} wide>
          <SnippetPanel request={{ model: model.id }} newKeyName={model.id.split("/").at(-1)} />
        </Dialog>
      )}
      {open === "log" && <Log model={model} onClose={close} />}
      {open === "stop" && <Stop model={model} onClose={close} />}
    </article>
  );
}

function facts(model: Model): [string, string][] {
  const shown: [string, string][] = [["Context", `${count(model.context_length)} tokens`]];
  if (model.kind === "chat") shown.push(["Max output on your plan", `${count(model.max_output)} tokens`]);
  if (model.quantization || model.parameters) shown.push(["Weights", [model.parameters, model.quantization].filter(Boolean).join(", ")]);
  if (model.state === "ready") {
    shown.push(["Running", `${model.busy} of ${model.slots} at once${model.waiting > 0 ? `, ${model.waiting} waiting` : ""}`]);
    if (model.tokens_per_second !== null) shown.push(["Speed now", `${model.tokens_per_second.toFixed(0)} tokens/s a request`]);
  }
  return shown;
}

/** Starting, stopping and the log, for administrators. */
function Administration({ model, onStop, onLog }: { model: Model; onStop: () => void; onLog: () => void }) {
  const account = useAccount();
  const start = useMutation({
    mutationFn: () => api.post("/api/admin/models/start", { id: model.id }),
    onSuccess: () => queries.invalidateQueries({ queryKey: modelsQuery.queryKey }),
    onError: (error) => toast(error.message, "bad"),
  });
  if (account.role !== "admin") return null;
  const down = model.state === "stopped" || model.state === "failed";
  return (
    <>
      {down ? (
        <Button busy={start.isPending} onClick={() => start.mutate()}>
          Start
        </Button>
      ) : (
        <Button onClick={onStop}>Stop</Button>
      )}
      <Button onClick={onLog}>Logs</Button>
    </>
  );
}

function Stop({ model, onClose }: { model: Model; onClose: () => void }) {
  const stop = useMutation({
    mutationFn: () => api.post("/api/admin/models/stop", { id: model.id }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: modelsQuery.queryKey });
      onClose();
    },
    onError: (error) => toast(error.message, "bad"),
  });
  return (
    <Confirm title={`Stop ${model.id}?`} action="Stop" busy={stop.isPending} onConfirm={() => stop.mutate()} onClose={onClose}>
      {model.busy > 0 ? `${model.busy} requests are running; they break off. ` : ""}Requests are refused until it is started again.
    </Confirm>
  );
}

function Log({ model, onClose }: { model: Model; onClose: () => void }) {
  const { data, error, isPending } = useQuery({
    queryKey: ["log", model.id],
    queryFn: () => api.get<{ text: string }>("/api/admin/models/log", { id: model.id }),
    refetchInterval: 2000,
  });
  return (
    <Dialog title={`Log of ${model.id}`} onClose={onClose} wide>
      {error && <Failed error={error} what="The log could not be read." />}
      {isPending && <Skeleton />}
      {data && (
        <pre tabIndex={0} aria-label="The end of the log" className="max-h-[60dvh] overflow-auto rounded-sm bg-sunk p-3 font-mono text-xs whitespace-pre-wrap">
          {data.text || "The engine has written nothing."}
        </pre>
      )}
    </Dialog>
  );
}
