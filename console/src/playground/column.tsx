import { X } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import type { Model } from "~/api/types";
import type { Bench } from "~/playground/bench";
import type { Column } from "~/playground/conversation";
import { MessageView } from "~/playground/message";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/class";
import { Select } from "~/ui/field";

interface Props {
  column: Column;
  bench: Bench;
  models: Model[];
  plain: boolean;
  busy: boolean;
  comparing: boolean;
  /** On narrow screens one column is shown at a time. */
  shown: boolean;
  onModel: (id: string) => void;
}

/** One conversation: its model and its messages. */
export function ColumnView({ column, bench, models, plain, busy, comparing, shown, onModel }: Props) {
  const { name, messages } = column;
  const log = useAtEnd(messages);
  return (
    <section aria-label={comparing ? `Conversation ${name}` : "Conversation"} className={classes("flex min-h-0 min-w-0 flex-1 flex-col", comparing && "border-line md:not-first:border-l", !shown && "max-md:hidden")}>
      <div className="flex items-center gap-2 border-b border-line px-4 py-2 sm:px-6">
        {comparing && <span className="font-medium text-muted">{name}</span>}
        <ModelSelect label={comparing ? `Model ${name}` : "Model"} models={models} value={column.model} onChange={onModel} />
        {comparing && name === "B" && <IconButton icon={X} label="End the comparison" onClick={() => bench.compare(false)} />}
      </div>
      <div ref={log} tabIndex={0} role="log" aria-live="off" aria-label={comparing ? `Messages ${name}` : "Messages"} className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto flex max-w-3xl flex-col gap-5 px-4 py-5 sm:px-6">
          {messages.length === 0 && <p className="py-12 text-center text-muted">Write a message below to begin. Nothing of it is kept on the server.</p>}
          {messages.map((message) => (
            <MessageView key={message.id} message={message} column={name} bench={bench} plain={plain} busy={busy} />
          ))}
        </div>
      </div>
    </section>
  );
}

function ModelSelect({ label, models, value, onChange }: { label: string; models: Model[]; value: string; onChange: (id: string) => void }) {
  const known = models.some(({ id }) => id === value);
  // A name that is another one of a model's is as good as its id.
  const alias = models.find(({ names }) => names.includes(value));
  return (
    <Select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)} className="max-w-md min-w-0 flex-1">
      {!known && <option value={value}>{value === "" ? "Choose a model" : alias ? `${value} (${alias.id})` : `${value} (not served)`}</option>}
      {models.map(({ id, state }) => (
        <option key={id} value={id}>
          {state === "ready" ? id : `${id} (${state})`}
        </option>
      ))}
    </Select>
  );
}

/** Keeps the end in sight while it grows, unless somebody has scrolled away from it. */
function useAtEnd(content: unknown) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    const shown = box.current;
    if (!shown) return;
    const look = () => {
      atEnd.current = shown.scrollHeight - shown.scrollTop - shown.clientHeight < 48;
    };
    shown.addEventListener("scroll", look, { passive: true });
    return () => shown.removeEventListener("scroll", look);
  }, []);
  useLayoutEffect(() => {
    const shown = box.current;
    if (shown && atEnd.current) shown.scrollTop = shown.scrollHeight;
  }, [content]);
  return box;
}
