import { type FormEvent, Suspense, lazy, useEffect, useState, useSyncExternalStore } from "react";
import { openChat } from "~/api/chat";
import { queries } from "~/api/queries";
import type { Model } from "~/api/types";
import { Bench, anyRunning, emptyColumn } from "~/playground/bench";
import { Button } from "~/ui/button";
import { Input } from "~/ui/field";

/** What reads Markdown is a fifth of what Home would load, and is wanted once somebody has asked. */
const ReplyView = lazy(async () => ({ default: (await import("~/playground/reply")).ReplyView }));

/** A first message, answered right here. */
export function Ask({ model }: { model: Model }) {
  const [bench] = useState(() => new Bench([emptyColumn("A", model.id)], openChat, (run) => requestAnimationFrame(run)));
  const columns = useSyncExternalStore(bench.watch, bench.columns);
  const [text, setText] = useState("What is the most famous street in Paris?");
  const busy = anyRunning(columns);
  const reply = columns[0].messages.findLast((message) => message.role === "assistant");
  useEffect(() => () => bench.stop(), [bench]);
  useEffect(() => {
    if (!busy && reply) void queries.invalidateQueries({ queryKey: ["/api/home"] });
  }, [busy, reply]);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") bench.send(text.trim());
  };
  return (
    <div className="flex flex-col gap-3">
      <form onSubmit={send} className="flex gap-2">
        <Input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
        {busy ? (
          <Button onClick={() => bench.stop()}>Stop</Button>
        ) : (
          <Button type="submit" look="primary" disabled={text.trim() === ""}>
            Send
          </Button>
        )}
      </form>
      {reply?.role === "assistant" && (
        <div aria-live="polite" className="rounded-sm bg-sunk p-3">
          <Suspense>
            <ReplyView reply={reply} plain={false} />
          </Suspense>
        </div>
      )}
    </div>
  );
}
