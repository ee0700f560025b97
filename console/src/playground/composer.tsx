import { ArrowUp, Square } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { useAccount } from "~/api/session";
import { keepDraft, keptDraft } from "~/playground/keeping";
import { Button } from "~/ui/button";
import { TextArea } from "~/ui/field";

interface Props {
  busy: boolean;
  /** Whether there is something to answer already, so that nothing has to be written. */
  canAsk: boolean;
  disabled: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}

/** Where one writes: Enter sends, Shift-Enter begins a line. */
export function Composer({ busy, canAsk, disabled, onSend, onStop }: Props) {
  const [text, write] = useDraft();
  const hint = useId();
  const ready = !busy && !disabled && (text.trim() !== "" || canAsk);
  const send = () => {
    if (!ready) return;
    onSend(text.trim() === "" ? "" : text);
    write("");
  };
  const onKey = (event: KeyboardEvent) => {
    // While letters are being put together (Japanese, say), Enter belongs to that.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  return (
    <form onSubmit={submit} className="mx-auto flex w-full max-w-3xl flex-col gap-1 px-4 pt-2 pb-3 sm:px-6">
      <div className="flex items-end gap-2">
        <TextArea
          autoFocus
          rows={1}
          aria-label="Message"
          aria-describedby={hint}
          placeholder={canAsk ? "Message, or send as it stands" : "Message"}
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKey}
          className="field-sizing-content max-h-48 min-h-9 resize-none"
        />
        {busy ? (
          <Button key="stop" icon={Square} onClick={onStop} className="h-[36px]">
            Stop
          </Button>
        ) : (
          <Button key="send" type="submit" look="primary" icon={ArrowUp} disabled={!ready} className="h-[36px]">
            Send
          </Button>
        )}
      </div>
      <p id={hint} className="text-xs text-muted">
        {busy ? "Esc stops; what has come stays." : "Enter sends, Shift-Enter begins a new line."}
      </p>
    </form>
  );
}

/** What is being written, which outlives this page as the conversation does. */
function useDraft(): [string, (text: string) => void] {
  const { id } = useAccount();
  const [text, setText] = useState(() => keptDraft(id));
  const write = (to: string) => {
    setText(to);
    keepDraft(id, to);
  };
  return [text, write];
}
