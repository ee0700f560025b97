import { Pencil, RotateCcw, Trash2 } from "lucide-react";
import { type KeyboardEvent, type ReactNode, memo, useState } from "react";
import type { Bench } from "~/playground/bench";
import type { Column, Message, Said } from "~/playground/conversation";
import { ReplyView } from "~/playground/reply";
import { Button, IconButton } from "~/ui/button";
import { Copy } from "~/ui/copy";
import { TextArea } from "~/ui/field";

interface Props {
  message: Message;
  column: Column["name"];
  bench: Bench;
  plain: boolean;
  /** Nothing is changed while an answer is under way. */
  busy: boolean;
}

/** One message with what can be done to it. Rendered anew only where it changes. */
export const MessageView = memo(function MessageView({ message, column, bench, plain, busy }: Props) {
  const [editing, setEditing] = useState(false);
  const again = () => bench.again(column, message.id);
  const done = (text: string, send: boolean) => {
    setEditing(false);
    bench.edit(column, message.id, text);
    if (send) bench.again(column, message.id);
  };
  const tools = !busy && !editing && (
    <Tools>
      <Copy text={message.text} what="the message" />
      <IconButton icon={RotateCcw} label={message.role === "user" ? "Ask again from here" : "Regenerate"} onClick={again} className="size-6" />
      <IconButton icon={Pencil} label="Edit" onClick={() => setEditing(true)} className="size-6" />
      <IconButton icon={Trash2} label="Delete" onClick={() => bench.remove(column, message.id)} className="size-6" />
    </Tools>
  );
  const name = message.role === "user" ? "You" : message.model;
  return (
    <article aria-label={message.role === "user" ? "Your message" : `Answer of ${name}`} className="group flex flex-col gap-1">
      <header className="flex h-6 items-center justify-between gap-2">
        <h2 className="truncate text-xs font-medium text-muted">{name}</h2>
        {tools}
      </header>
      {editing ? (
        <Editor text={message.text} canSend={message.role === "user"} onDone={done} onCancel={() => setEditing(false)} />
      ) : message.role === "user" ? (
        <SaidView message={message} />
      ) : (
        <ReplyView reply={message} plain={plain} onRetry={busy ? undefined : again} />
      )}
    </article>
  );
});

function SaidView({ message }: { message: Said }) {
  return <p className="rounded-md bg-sunk px-3 py-2 break-words whitespace-pre-wrap">{message.text}</p>;
}

/** Shown when one is at the message, and always where nothing can hover. */
function Tools({ children }: { children: ReactNode }) {
  return (
    <span className="flex items-center gap-0.5 opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
      {children}
    </span>
  );
}

function Editor({ text, canSend, onDone, onCancel }: { text: string; canSend: boolean; onDone: (text: string, send: boolean) => void; onCancel: () => void }) {
  const [draft, setDraft] = useState(text);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") onCancel();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onDone(draft, canSend);
    else return;
    event.preventDefault();
  };
  return (
    <div className="flex flex-col gap-2">
      <TextArea autoFocus aria-label="Edit the message" value={draft} onChange={(event) => setDraft(event.target.value)} onKeyDown={onKey} className="field-sizing-content max-h-96 min-h-18" />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button onClick={() => onDone(draft, false)}>Save</Button>
        {canSend && <Button onClick={() => onDone(draft, true)}>Save and send</Button>}
      </div>
    </div>
  );
}
