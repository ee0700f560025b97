import { useEffect, useState, useSyncExternalStore } from "react";
import { type ChatBody, openChat } from "~/api/chat";
import { ApiError } from "~/api/client";
import { sessionEnded } from "~/api/queries";
import { Bench, type Columns, anyRunning } from "~/playground/bench";
import { type Beginning, keep, kept } from "~/playground/keeping";

/** A tab in the background paints nothing, and goes on a few times a second. */
function nextFrame(run: () => void): void {
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
}

async function open(body: ChatBody, signal: AbortSignal) {
  try {
    return await openChat(body, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) sessionEnded();
    throw error;
  }
}

/** The playground of this tab; leaving the page ends what is under way. */
export function useBench(account: string, beginning: Beginning): [Bench, Columns] {
  const [owner] = useState(account); // who it is kept for, also in the moment in which the session has ended
  const [bench] = useState(() => new Bench(kept(owner, beginning), open, nextFrame));
  const columns = useSyncExternalStore(bench.watch, bench.columns);
  const busy = anyRunning(columns);
  useEffect(() => {
    if (!busy) keep(owner, beginning, columns);
  }, [owner, beginning, busy, columns]);
  useEffect(() => {
    const save = () => keep(owner, beginning, bench.columns());
    window.addEventListener("pagehide", save);
    return () => {
      window.removeEventListener("pagehide", save);
      bench.stop();
      save();
    };
  }, [owner, beginning, bench]);
  return [bench, columns];
}
