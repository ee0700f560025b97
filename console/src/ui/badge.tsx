import { classes } from "~/ui/class";

const MOODS = { ok: "bg-ok", warn: "bg-warn", bad: "bg-bad", info: "bg-info", off: "bg-edge" } as const;
export type Mood = keyof typeof MOODS;

const PLAIN = /^[a-z ]+$/;

/** A dot and a word; the word is what says it. Plain words begin with a capital, codes and names stay as they are. */
export function Badge({ mood, children }: { mood: Mood; children: string }) {
  return (
    <span className="inline-flex items-center gap-1.5 align-bottom whitespace-nowrap">
      <span aria-hidden className={classes("size-2 rounded-full", MOODS[mood])} />
      <span className={classes(PLAIN.test(children) && "inline-block first-letter:uppercase")}>{children}</span>
    </span>
  );
}
