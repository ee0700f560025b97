import { Pause, Pencil, Play, RotateCw, Trash2 } from "lucide-react";
import type { Key } from "~/api/types";
import { FIGURES, type Figure } from "~/keys/draft";
import type { Open } from "~/keys/dialogs";
import { Badge, type Mood } from "~/ui/badge";
import { IconButton } from "~/ui/button";
import { Time, brief, count } from "~/ui/format";
import { Sparkline } from "~/ui/sparkline";
import type { Column } from "~/ui/table";

const MOODS: Record<Key["state"], Mood> = { active: "ok", disabled: "off", expired: "warn", revoked: "bad" };

interface Doing {
  onOpen: (open: Open) => void;
  onDisable: (key: Key, disabled: boolean) => void;
  /** Requests of each of the last 7 days, by key. */
  activity: Record<string, number[]>;
}

export function columnsOf({ onOpen, onDisable, activity }: Doing): Column<Key>[] {
  return [
    { name: "Name", sort: "name", cell: (key) => <Name of={key} /> },
    { name: "Creation Date", sort: "created_at", cell: (key) => <Time at={key.created_at} />, minor: "column" },
    { name: "Last used", sort: "last_used_at", cell: (key) => <Time at={key.last_used_at} />, minor: "column" },
    { name: "Expiration Date", sort: "expires_at", cell: (key) => <Time at={key.expires_at} />, minor: "column" },
    { name: "Limits", cell: (key) => <Limits of={key} />, minor: "column" },
    { name: "7 days", cell: (key) => <Week days={activity[key.id] ?? [0, 0, 0, 0, 0, 0, 0]} />, minor: "column" },
    { name: "State", cell: (key) => <State of={key} />, minor: true },
    { name: "Actions", number: true, acts: true, cell: (key) => <RowActions of={key} onOpen={onOpen} onDisable={onDisable} /> },
  ];
}

function Name({ of }: { of: Key }) {
  return (
    <div className="min-w-32">
      <span className="font-medium break-words">{of.name}</span>
      {of.of_console ? <div className="text-xs text-muted">what this console acts by</div> : <div className="font-mono text-xs whitespace-nowrap text-muted">{of.hint}</div>}
      <div className="text-xs md:hidden">
        <State of={of} />
      </div>
    </div>
  );
}

function State({ of }: { of: Key }) {
  return <Badge mood={MOODS[of.state]}>{of.state}</Badge>;
}

const SHOWN = 2;

function Limits({ of }: { of: Key }) {
  const own = (Object.keys(FIGURES) as Figure[]).filter((name) => typeof of.limits[name] === "number");
  const words = own.map((name) => `${FIGURES[name]}: ${count(of.limits[name] ?? 0)}`);
  if (of.models) words.push(`Models: ${of.models.join(", ")}`);
  const more = Object.values(of.limits).filter((value) => typeof value === "number").length - own.length;
  if (more > 0) words.push(`and ${more} more`);
  if (words.length === 0) return <span className="text-muted">as the plan</span>;
  return (
    <span title={words.join("\n")} className="block text-xs">
      {words.slice(0, SHOWN).map((word) => (
        <span key={word} className="block max-w-48 truncate">
          {word}
        </span>
      ))}
      {words.length > SHOWN && <span className="text-muted">and {words.length - SHOWN} more</span>}
    </span>
  );
}

function Week({ days }: { days: number[] }) {
  const sum = days.reduce((all, day) => all + day, 0);
  if (sum === 0) return <span className="text-muted">no requests</span>;
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap">
      <Sparkline values={days} width={64} label={`Requests of the last 7 days, the last is today: ${days.map(count).join(", ")}`} />
      <span className="text-xs text-muted">{brief(sum)}</span>
    </span>
  );
}

function RowActions({ of, onOpen, onDisable }: { of: Key } & Omit<Doing, "activity">) {
  const disabled = of.disabled_at !== null;
  const turn = <IconButton icon={disabled ? Play : Pause} label={`${disabled ? "Enable" : "Disable"} ${of.name}`} onClick={() => onDisable(of, !disabled)} />;
  if (of.of_console) return turn;
  return (
    <span className="inline-flex justify-end whitespace-nowrap">
      <IconButton icon={Pencil} label={`Change ${of.name}`} onClick={() => onOpen({ dialog: "change", key: of })} />
      {of.state !== "expired" && <IconButton icon={RotateCw} label={`Rotate ${of.name}`} onClick={() => onOpen({ dialog: "rotate", key: of })} />}
      {turn}
      <IconButton icon={Trash2} label={`Delete ${of.name}`} onClick={() => onOpen({ dialog: "delete", key: of })} />
    </span>
  );
}
