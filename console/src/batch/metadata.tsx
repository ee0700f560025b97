import { Plus, Trash2 } from "lucide-react";
import { Button, IconButton } from "~/ui/button";
import { Input } from "~/ui/field";

export interface Pair {
  id: number;
  name: string;
  value: string;
}

const MOST = 16;

/** As the server takes it: pairs without a name are left out, and of two with one name the last one counts. */
export function metadataOf(pairs: Pair[]): Record<string, string> | undefined {
  const named = pairs.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]);
  return named.length > 0 ? (Object.fromEntries(named) as Record<string, string>) : undefined;
}

/** Pairs of the client's own, to know a batch by. */
export function MetadataFields({ pairs, onChange }: { pairs: Pair[]; onChange: (pairs: Pair[]) => void }) {
  const change = (id: number, to: Partial<Pair>) => onChange(pairs.map((pair) => (pair.id === id ? { ...pair, ...to } : pair)));
  const add = () => onChange([...pairs, { id: (pairs.at(-1)?.id ?? 0) + 1, name: "", value: "" }]);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 text-sm font-medium">Metadata</legend>
      {pairs.map(({ id, name, value }, at) => (
        <div key={id} className="flex gap-2">
          <Input aria-label={`Name ${at + 1}`} placeholder="Name" maxLength={64} value={name} onChange={(event) => change(id, { name: event.target.value })} />
          <Input aria-label={`Value ${at + 1}`} placeholder="Value" maxLength={512} value={value} onChange={(event) => change(id, { value: event.target.value })} />
          <IconButton icon={Trash2} label={`Remove pair ${at + 1}`} onClick={() => onChange(pairs.filter((pair) => pair.id !== id))} />
        </div>
      ))}
      {pairs.length < MOST && (
        <Button icon={Plus} className="w-fit" onClick={add}>
          Add a pair
        </Button>
      )}
    </fieldset>
  );
}
