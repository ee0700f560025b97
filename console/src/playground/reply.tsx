import { Link } from "@tanstack/react-router";
import { type ReactNode } from "react";
import type { Reply } from "~/playground/conversation";
import { Markdown } from "~/playground/markdown";
import { type Refusal, explain } from "~/playground/refusal";
import { replyLine } from "~/playground/reply-line";
import { Id } from "~/ui/copy";
import { Failure } from "~/ui/states";

/** An answer as far as it has come: reasoning, text, and how it ended. */
export function ReplyView({ reply, plain, onRetry }: { reply: Reply; plain: boolean; onRetry?: () => void }) {
  const { state, text, reasoning } = reply;
  return (
    <div className="flex flex-col gap-2" aria-busy={state === "waiting" || state === "streaming" || undefined}>
      {reasoning && <Reasoning text={reasoning} thinking={state === "streaming" && text === ""} />}
      {text && (plain ? <pre className="font-mono text-xs break-words whitespace-pre-wrap">{text}</pre> : <Markdown text={text} />)}
      {state === "waiting" && <p className="animate-pulse text-muted">Waiting for the first token…</p>}
      {state === "done" && text === "" && <p className="text-muted">The model ended without a word.</p>}
      <Ending reply={reply} onRetry={onRetry} />
      <Footer reply={reply} />
    </div>
  );
}

function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
  return (
    <details className="border-l-2 border-line pl-3 text-muted">
      <summary className="text-xs font-medium">{thinking ? "Reasoning…" : "Reasoning"}</summary>
      <p className="mt-1 break-words whitespace-pre-wrap">{text}</p>
    </details>
  );
}

/** Why it is not whole, where it is not. */
function Ending({ reply, onRetry }: { reply: Reply; onRetry?: () => void }) {
  const { state, refusal, requestId } = reply;
  if (state === "stopped") return <p className="text-xs text-muted">Stopped. What had come is kept.</p>;
  if (state === "refused" && refusal) return <Refused refusal={refusal} onRetry={onRetry} />;
  if (state === "broken") {
    return (
      <Failure
        what="The answer broke off"
        message={refusal?.message ?? "The connection ended before the answer did: the server may have stopped or restarted."}
        requestId={requestId}
        retry={onRetry}
      >
        {reply.text !== "" && <p className="text-muted">What had come is kept.</p>}
      </Failure>
    );
  }
  return null;
}

function Refused({ refusal, onRetry }: { refusal: Refusal; onRetry?: () => void }) {
  const { title, advice, page } = explain(refusal);
  return (
    <Failure what={title} message={refusal.message} requestId={refusal.requestId} retry={onRetry} retryAt={refusal.retryAt}>
      <p className="text-muted">
        {advice}{" "}
        {page && (
          <Link to={page.path} className="text-accent underline">
            {page.name}
          </Link>
        )}
      </p>
    </Failure>
  );
}

function Footer({ reply }: { reply: Reply }): ReactNode {
  const line = replyLine(reply);
  // A failure tells the id by itself.
  if (!line && reply.state !== "stopped") return null;
  return (
    <p className="flex flex-wrap items-center gap-x-3 text-xs text-muted tabular-nums">
      {line && (
        <span title="Queue: until it had a slot. TTFT: until the first token. As the server measured and counted.">{line}</span>
      )}
      {reply.requestId && <Id id={reply.requestId} what="the request's id" />}
    </p>
  );
}
