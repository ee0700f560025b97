import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "~/api/client";
import { Button } from "~/ui/button";
import { Copy, Id } from "~/ui/copy";

/** Grey bars of the true layout, after 200 ms: what comes at once does not flicker. */
export function Skeleton({ rows = 4 }: { rows?: number }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2 py-2">
      {shown && Array.from({ length: rows }, (_, row) => <div key={row} className="h-8 animate-pulse rounded-sm bg-sunk" />)}
    </div>
  );
}

/** Nothing there yet: one sentence, what to do, and the command that does the same. */
export function Empty({ children, action, command }: { children: ReactNode; action?: ReactNode; command?: string }) {
  return (
    <div className="flex flex-col items-center gap-4 rounded-md border border-dashed border-line px-6 py-12 text-center">
      <p className="max-w-prose text-muted">{children}</p>
      {action}
      {command && <Command>{command}</Command>}
    </div>
  );
}

/** A command line, to be copied. */
export function Command({ children }: { children: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-2 rounded-sm bg-sunk py-1 pr-1 pl-3 font-mono text-xs">
      <code tabIndex={0} className="overflow-x-auto whitespace-nowrap">{children}</code>
      <Copy text={children} what="the command" />
    </span>
  );
}

/** What failed, the request's id, and another try. */
export function Failed({ error, what, retry }: { error: Error; what?: string; retry?: () => void }) {
  return <Failure what={what ?? "That did not work."} message={error.message} requestId={error instanceof ApiError ? error.requestId : null} retry={retry} />;
}

interface Told {
  what: string;
  message: string;
  requestId: string | null;
  retry?: () => void;
  /** Before when another try is no use, in milliseconds since 1970; it is counted down to. */
  retryAt?: number | null;
  /** What to do about it. */
  children?: ReactNode;
}

/** The same, for what failed in another way than by an exception that is at hand. */
export function Failure({ what, message, requestId, retry, retryAt = null, children }: Told) {
  const wait = useSecondsUntil(retryAt);
  return (
    <div role="alert" className="flex flex-wrap items-center justify-between gap-3 rounded-md border border-bad px-4 py-3">
      <div className="min-w-0">
        <p className="font-medium text-bad">{what}</p>
        <p className="break-words">{message}</p>
        {children}
        {requestId && (
          <p className="text-xs text-muted">
            Request <Id id={requestId} what="the request's id" />
          </p>
        )}
      </div>
      {retry && (
        <Button disabled={wait > 0} onClick={retry} className="tabular-nums">
          {wait > 0 ? `Retry in ${wait} s` : "Retry"}
        </Button>
      )}
    </div>
  );
}

function useSecondsUntil(at: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  const over = at === null || at <= now;
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [over]);
  return over ? 0 : Math.ceil((at - now) / 1000);
}
