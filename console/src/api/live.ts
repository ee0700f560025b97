import { useSyncExternalStore } from "react";
import { ApiError, Offline, api } from "~/api/client";
import { models } from "~/api/models";
import { queries, sessionEnded } from "~/api/queries";
import type { Live, Model } from "~/api/types";

interface Seen {
  /** What the server said last; null before it has. */
  live: Live | null;
  /** Whether it does not answer now. */
  away: boolean;
}

const LONGEST_MS = 5000;
const FIRST_MS = 250;

let seen: Seen = { live: null, away: false };
const watchers = new Set<() => void>();

function become(change: Partial<Seen>): void {
  seen = { ...seen, ...change };
  for (const tell of watchers) tell();
}

function subscribe(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}

/** What models and requests are doing now; null as long as nobody knows. */
export const useLive = (): Live | null => useSyncExternalStore(subscribe, () => seen.live);

/** Whether the server does not answer. */
export const useAway = (): boolean => useSyncExternalStore(subscribe, () => seen.away);

/** One event: kept for whoever looks, and put into the list of the models, which then need not be asked for. */
function take(live: Live): void {
  const before = new Map(seen.live?.models.map((model) => [model.id, model.state]));
  const now = new Map(live.models.map((model) => [model.id, model]));
  become({ live });
  queries.setQueryData<Model[]>(models.queryKey, (known) => known?.map((model) => ({ ...model, ...now.get(model.id) })));
  if (live.models.some((model) => before.size > 0 && before.get(model.id) !== model.state)) {
    void queries.invalidateQueries({ queryKey: models.queryKey });
  }
}

/** The server answers, perhaps again: then everything that a page shows is asked for anew. */
function back(): void {
  if (!seen.away) return;
  become({ away: false });
  void queries.invalidateQueries();
}

/** Why the stream broke off: the server is away, the session is over, or neither and it is worth another try. */
async function ask(): Promise<void> {
  try {
    await api.get("/api/session");
    back();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) sessionEnded();
    else if (error instanceof Offline || (error instanceof ApiError && error.status >= 502)) become({ away: true });
  }
}

/**
 * Watches the server, by one stream for the whole tab, until the function that this gives is called. A tab that nobody
 * sees lets go of its stream: a browser has six connections to a server for all of its tabs.
 */
export function watch(): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let stopped = false;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    const opened = new EventSource("/api/live");
    source = opened;
    opened.onopen = back;
    opened.onmessage = (event: MessageEvent<string>) => {
      failures = 0;
      take(JSON.parse(event.data) as Live);
    };
    opened.onerror = () => {
      close();
      void ask().then(() => {
        if (stopped || document.hidden) return;
        // Spread out, so that not all tabs come back in the same moment.
        const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures++) * (0.75 + Math.random() / 2);
        timer = setTimeout(open, wait);
      });
    };
  };
  const onVisible = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", onVisible);
  open();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", onVisible);
    close();
    become({ live: null, away: false });
  };
}
