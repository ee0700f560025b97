import { classes } from "~/ui/class";

const COLOURS = { accent: "bg-accent", ok: "bg-ok", bad: "bg-bad", info: "bg-info", warn: "bg-warn", off: "bg-edge" } as const;

/** A bar of parts, each so many of `total`; `label` says in words what it shows. */
export function Bar({ parts, total, label }: { parts: { value: number; colour: keyof typeof COLOURS; name: string }[]; total: number; label: string }) {
  return (
    <div role="img" aria-label={label} title={label} className="flex h-2 w-full overflow-hidden rounded-full bg-sunk">
      {parts.map(({ value, colour, name }) => (
        <div key={name} className={classes(COLOURS[colour])} style={{ width: `${total > 0 ? (100 * value) / total : 0}%` }} />
      ))}
    </div>
  );
}
