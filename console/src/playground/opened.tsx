import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { X } from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { api } from "~/api/client";
import type { BatchLine } from "~/api/types";
import type { Beginning } from "~/playground/keeping";
import { type Left, opened } from "~/playground/line";
import { Button, IconButton } from "~/ui/button";
import { Code } from "~/ui/code";
import { Id } from "~/ui/copy";
import { count } from "~/ui/format";
import { Failed, Skeleton } from "~/ui/states";

interface Props {
  batch: string;
  line: string;
  /** The conversation that the line is, under the note about it. */
  children: (beginning: Beginning, note: ReactNode) => ReactNode;
}

/** A line of a batch, with whatever of it is no conversation said beside it. */
export function OpenedLine({ batch, line, children }: Props) {
  const path = `/api/batches/${encodeURIComponent(batch)}/lines/${encodeURIComponent(line)}`;
  const { data, error, refetch, isFetching } = useQuery({ queryKey: [path], queryFn: () => api.get<BatchLine>(path), staleTime: Infinity });
  const { column, left } = useMemo(() => (data ? opened(data) : { column: null, left: [] }), [data]);
  // What came of it later begins anew; what somebody made of it meanwhile was about another answer.
  const of = `${batch}/${line}/${data?.state}`;
  const beginning = useMemo((): Beginning | null => column && { of, columns: [column] }, [column, of]);
  const note = data && <Note batch={batch} line={data} left={left} alone={!column} onLook={() => void refetch()} looking={isFetching} />;
  if (beginning) return children(beginning, note);
  return (
    <div className="flex flex-col gap-6 overflow-y-auto px-4 py-6 sm:px-6">
      <h1 className="text-title font-semibold">Playground</h1>
      {error && (
        <Failed error={error} what="The line could not be opened." retry={() => void refetch()} />
      )}
      {!error && !data && <Skeleton rows={6} />}
      {note}
      {error && (
        <Link to="/batch" search={{ id: batch }} className="w-fit text-accent underline">
          Back to the batch
        </Link>
      )}
    </div>
  );
}

const STATES: Record<BatchLine["state"], string> = {
  waiting: "It has not run yet.",
  running: "It is running now.",
  done: "",
  not_run: "It never ran.",
  gone: "Its answer cannot be shown: the file was deleted or has expired, or the answer is too long.",
};

interface NoteProps {
  batch: string;
  line: BatchLine;
  left: Left[];
  /** Whether there is no conversation beside it. */
  alone: boolean;
  onLook: () => void;
  looking: boolean;
}

/** Which line it is, what came of it, and what of it has no place in a conversation. */
function Note({ batch, line, left, alone, onLook, looking }: NoteProps) {
  const navigate = useNavigate();
  const underWay = line.state === "waiting" || line.state === "running";
  return (
    <section aria-label="The opened line" className="flex max-h-[40dvh] shrink-0 flex-col gap-2 overflow-y-auto border-b border-line bg-panel px-4 py-2 sm:px-6" tabIndex={0}>
      <div className="flex items-start gap-3">
        <p className="flex min-w-0 flex-1 flex-wrap items-center gap-x-2 gap-y-1">
          <Link to="/batch" search={{ id: batch }} className="text-accent underline">
            Line {count(line.line)}
          </Link>
          <span>of</span> <Id id={batch} what="the batch's id" />
          <span className="min-w-0 truncate font-mono text-xs" title={line.custom_id}>
            {line.custom_id}
          </span>
          <span className="text-muted">{STATES[line.state]}</span>
          {underWay && (
            <Button look="quiet" busy={looking} onClick={onLook} className="h-7">
              Look again
            </Button>
          )}
        </p>
        <IconButton icon={X} label="Close the line" onClick={() => void navigate({ to: "/playground", search: {} as never })} />
      </div>
      {alone && <p>It asks {line.url} for what no conversation is, so here it is as it stands.</p>}
      {!alone && line.url === "/v1/completions" && <p className="text-warn">The line asks /v1/completions, which takes its prompt as it is. Here it is a message of a chat: the model's template comes around it.</p>}
      {!alone && left.length > 0 && <LeftOut left={left} />}
      <Whole line={line} open={alone} />
    </section>
  );
}

function LeftOut({ left }: { left: Left[] }) {
  return (
    <div>
      <p className="text-warn">The Playground has no place for these, and does not send them:</p>
      <ul aria-label="Left out" className="mt-1 flex flex-col gap-0.5 font-mono text-xs">
        {left.map(({ where, value }) => (
          <li key={where} className="truncate">
            {where}: <span className="text-muted">{JSON.stringify(value).slice(0, 200)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** So many characters; a line may have sixteen million. */
const SHOWN = 20_000;

function Whole({ line, open }: { line: BatchLine; open: boolean }) {
  const { custom_id, url, body, response, error } = line;
  const text = JSON.stringify({ request: { custom_id, url, body }, response, error }, null, 2);
  return (
    <details open={open}>
      <summary className="text-xs text-muted">The line as it stands, and what came of it</summary>
      <div className="mt-2 flex flex-col gap-1">
        {text.length > SHOWN && (
          <p className="text-xs text-muted">
            The first {count(SHOWN)} of {count(text.length)} characters. The files of the batch have them all.
          </p>
        )}
        <Code label="The line">{text.slice(0, SHOWN)}</Code>
      </div>
    </details>
  );
}

/** Why there is no text of a request that was opened here. */
export function RequestNote({ id }: { id: string }) {
  const navigate = useNavigate();
  return (
    <section aria-label="The opened request" className="flex shrink-0 items-center gap-3 border-b border-line bg-panel px-4 py-2 sm:px-6">
      <p className="flex min-w-0 flex-1 flex-wrap items-center gap-x-2">
        What was said in the request <Id id={id} what="the request's id" /> was not kept: its model is chosen here, and nothing else of it.
      </p>
      <IconButton icon={X} label="Close this note" onClick={() => void navigate({ to: ".", search: ((before: Record<string, string>) => ({ ...before, request: undefined })) as never, replace: true })} />
    </section>
  );
}
