import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { models as modelsQuery } from "~/api/models";
import { useAccount } from "~/api/session";
import type { Model } from "~/api/types";
import { ApiTab } from "~/playground/api-tab";
import { type Bench, type Columns, anyRunning } from "~/playground/bench";
import { ColumnView } from "~/playground/column";
import { Composer } from "~/playground/composer";
import type { Column } from "~/playground/conversation";
import { type Beginning, OWN } from "~/playground/keeping";
import { OpenedLine, RequestNote } from "~/playground/opened";
import { ParametersPanel, type Settings } from "~/playground/parameters-panel";
import { Top } from "~/playground/top";
import { useBench } from "~/playground/use-bench";
import { classes } from "~/ui/class";
import { Dialog } from "~/ui/dialog";
import { useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";

/** Talk to a model, or to two; about a line of a batch, where the URL names one. */
export default function Playground() {
  const [url] = useUrl();
  const { batch, line, request } = url;
  useEffect(() => {
    document.title = "Playground · Penstock";
  }, []);
  return (
    <div className="flex h-dvh flex-col max-sm:h-[calc(100dvh-3rem)]">
      {batch && line ? (
        <OpenedLine key={`${batch}/${line}`} batch={batch} line={line}>
          {(beginning, note) => <Conversation key={beginning.of} beginning={beginning} note={note} />}
        </OpenedLine>
      ) : (
        <Conversation beginning={OWN} note={request && <RequestNote id={request} />} />
      )}
    </div>
  );
}

function Conversation({ beginning, note }: { beginning: Beginning; note: ReactNode }) {
  const [bench, columns] = useBench(useAccount().id, beginning);
  const { data, error, refetch } = useQuery(modelsQuery);
  const models = data?.filter(({ kind }) => kind === "chat");
  useModelOfUrl(bench, columns, models);
  if (models && models.length > 0) return <Talk bench={bench} columns={columns} models={models} note={note} />;
  return (
    <div className="flex flex-col gap-6 px-4 py-6 sm:px-6">
      <h1 className="text-title font-semibold">Playground</h1>
      {note}
      {error && <Failed error={error} what="The models could not be listed." retry={() => void refetch()} />}
      {!error && !models && <Skeleton rows={6} />}
      {models && <Empty command="penstock serve --model HuggingFaceTB/SmolLM2-135M-Instruct">No model that chats is served here.</Empty>}
    </div>
  );
}

/** The model of the first conversation is in the URL; where none is, the first that is ready. */
function useModelOfUrl(bench: Bench, [first]: Columns, models: Model[] | undefined): void {
  const [url, setUrl] = useUrl();
  const wanted = url["model"];
  const usual = first.model || (models?.find(({ state }) => state === "ready") ?? models?.[0])?.id;
  useEffect(() => {
    if (wanted && wanted !== first.model) bench.set("A", { model: wanted });
    else if (!wanted && usual) setUrl({ model: usual });
  }, [bench, first.model, setUrl, usual, wanted]);
}

function Talk({ bench, columns, models, note }: { bench: Bench; columns: Columns; models: Model[]; note: ReactNode }) {
  const [url] = useUrl();
  const [plain, setPlain] = useState(false);
  const [drawer, setDrawer] = useState(false);
  const [active, setActive] = useState<Column["name"]>("A");
  const busy = anyRunning(columns);
  useEscape(busy, () => bench.stop());
  const shown = columns.find(({ name }) => name === active) ?? columns[0];
  const onChange = useCallback((to: Partial<Settings>) => bench.set(shown.name, to), [bench, shown.name]);
  const parameters = (
    <>
      {columns.length === 2 && <Which active={shown.name} onChange={setActive} label="Whose parameters" />}
      <ParametersPanel
        key={shown.name}
        system={shown.system}
        parameters={shown.parameters}
        model={models.find(({ names }) => names.includes(shown.model))}
        onChange={onChange}
      />
    </>
  );
  return (
    <>
      <Top bench={bench} columns={columns} plain={plain} onPlain={() => setPlain(!plain)} onParameters={() => setDrawer(true)} />
      {note}
      <div className="flex min-h-0 flex-1">
        {url["tab"] === "api" ? <ApiTab column={shown} /> : <Conversations {...{ bench, columns, models, plain, busy, shown }} onShow={setActive} />}
        <aside aria-label="Parameters" className="flex w-[300px] shrink-0 flex-col gap-4 overflow-y-auto border-l border-line bg-panel p-4 max-lg:hidden">
          {parameters}
        </aside>
      </div>
      <p role="status" className="sr-only">
        {busy ? "The model answers." : columns[0].messages.length > 0 && "The answer is complete."}
      </p>
      {drawer && (
        <Dialog title="System prompt and parameters" onClose={() => setDrawer(false)}>
          <div className="flex flex-col gap-4">{parameters}</div>
        </Dialog>
      )}
    </>
  );
}

interface ConversationsProps {
  bench: Bench;
  columns: Columns;
  models: Model[];
  plain: boolean;
  busy: boolean;
  shown: Column;
  onShow: (name: Column["name"]) => void;
}

/** What is said, and the one composer for all of it. */
function Conversations({ bench, columns, models, plain, busy, shown, onShow }: ConversationsProps) {
  const [, setUrl] = useUrl();
  const comparing = columns.length === 2;
  const choose = (name: Column["name"], model: string) => (name === "A" ? setUrl({ model }) : bench.set(name, { model }));
  return (
    <div className="flex min-w-0 flex-1 flex-col">
      {comparing && (
        <div className="px-4 pt-2 md:hidden">
          <Which active={shown.name} onChange={onShow} label="Conversation shown" />
        </div>
      )}
      <div className="flex min-h-0 flex-1">
        {columns.map((column) => (
          <ColumnView
            key={column.name}
            {...{ column, bench, models, plain, busy, comparing }}
            shown={column === shown}
            onModel={(model) => choose(column.name, model)}
          />
        ))}
      </div>
      <Composer
        busy={busy}
        canAsk={columns.every(({ messages }) => messages.at(-1)?.role === "user")}
        disabled={columns.some(({ model }) => model === "")}
        onSend={(text) => bench.send(text)}
        onStop={() => bench.stop()}
      />
    </div>
  );
}

/** The one or the other conversation. */
function Which({ active, label, onChange }: { active: Column["name"]; label: string; onChange: (name: Column["name"]) => void }) {
  return (
    <div role="group" aria-label={label} className="flex rounded-sm border border-edge p-0.5">
      {(["A", "B"] as const).map((name) => (
        <button key={name} type="button" aria-pressed={name === active} onClick={() => onChange(name)} className={classes("h-7 flex-1 rounded-sm px-3", name === active ? "bg-tint font-medium" : "text-muted hover:text-text")}>
          {name}
        </button>
      ))}
    </div>
  );
}

function useEscape(on: boolean, run: () => void): void {
  useEffect(() => {
    if (!on) return;
    const onKey = (event: KeyboardEvent) => {
      // In a dialog it closes that.
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) run();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [on, run]);
}
