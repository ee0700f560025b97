import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/class";

type Mood = "ok" | "bad" | "info";
interface Toast {
  id: number;
  text: string;
  mood: Mood;
}

let shown: readonly Toast[] = [];
let next = 1;
const watchers = new Set<() => void>();

function change(to: readonly Toast[]): void {
  shown = to;
  for (const tell of watchers) tell();
}

/** Says something in the corner for a few seconds. */
export function toast(text: string, mood: Mood = "ok"): void {
  const id = next++;
  change([...shown.slice(-2), { id, text, mood }]);
  setTimeout(() => change(shown.filter((one) => one.id !== id)), mood === "bad" ? 10_000 : 5_000);
}

const COLOURS = { ok: "bg-ok", bad: "bg-bad", info: "bg-info" } as const;

export function Toasts() {
  const toasts = useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => shown,
  );
  return (
    <div role="status" aria-live="polite" className="fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2">
      {toasts.map(({ id, text, mood }) => (
        <div key={id} className="flex items-start gap-3 rounded-md border border-edge bg-panel py-2 pr-2 pl-3 text-sm">
          <span aria-hidden className={classes("mt-2 size-2 shrink-0 rounded-full", COLOURS[mood])} />
          <span className="min-w-0 flex-1 py-1 break-words">{text}</span>
          <IconButton icon={X} label="Dismiss" onClick={() => change(shown.filter((one) => one.id !== id))} />
        </div>
      ))}
    </div>
  );
}
