import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { queries } from "~/api/queries";
import type { Key } from "~/api/types";
import { type Draft, changesOf, draftOf } from "~/keys/draft";
import { KeyForm } from "~/keys/form";
import { SnippetPanel } from "~/snippets/panel";
import { Button } from "~/ui/button";
import { CopyButton } from "~/ui/copy";
import { Confirm } from "~/ui/confirm";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Select } from "~/ui/field";
import { Time } from "~/ui/format";
import { Failed } from "~/ui/states";
import { toast } from "~/ui/toast";

/** What is open over the table. */
export type Open = { dialog: "issue" } | { dialog: "shown" | "change" | "rotate" | "delete"; key: Key };

const refresh = () => void queries.invalidateQueries({ queryKey: ["/api/keys"] });

export function KeyDialogs({ open, onOpen }: { open: Open; onOpen: (open: Open | null) => void }) {
  const close = () => onOpen(null);
  const show = (key: Key) => onOpen({ dialog: "shown", key });
  if (open.dialog === "issue") return <Issue onMade={show} onClose={close} />;
  if (open.dialog === "shown") return <NewKey made={open.key} onClose={close} />;
  if (open.dialog === "change") return <Change of={open.key} onClose={close} />;
  if (open.dialog === "rotate") return <Rotate of={open.key} onRotated={show} onClose={close} />;
  return <Delete of={open.key} onClose={close} />;
}

function Issue({ onMade, onClose }: { onMade: (key: Key) => void; onClose: () => void }) {
  const make = useMutation({
    mutationFn: (draft: Draft) => api.post<Key>("/api/keys", changesOf(draft)),
    onSuccess: (key) => {
      refresh();
      onMade(key);
    },
  });
  return (
    <Dialog title="Issue New API Key" onClose={onClose}>
      <KeyForm start={draftOf()} action="Create Key" busy={make.isPending} error={make.error} onSubmit={make.mutate} onCancel={onClose} />
    </Dialog>
  );
}

/** The one time that a secret is seen; only Done closes it. */
function NewKey({ made, onClose }: { made: Key; onClose: () => void }) {
  const secret = made.key ?? "";
  return (
    <Dialog title="Your New API Key" onClose={onClose} keep wide>
      <p className="mb-3 text-muted">Copy it now and keep it safe: it cannot be shown again.</p>
      {made.previous_secret_until && (
        <p className="mb-3 text-muted">
          The secret before stays good and ends <Time at={made.previous_secret_until} />.
        </p>
      )}
      <p className="mb-3 rounded-sm bg-sunk p-3 font-mono text-xs break-all">
        <span className="sr-only">The key {made.name}: </span>
        {secret}
      </p>
      <CopyButton text={secret} look="primary">
        Copy to Clipboard
      </CopyButton>
      <h3 className="mt-6 mb-2 font-medium">Use it</h3>
      <SnippetPanel apiKey={secret} request={made.models?.[0] ? { model: made.models[0] } : {}} />
      <Actions>
        <Button onClick={onClose}>Done</Button>
      </Actions>
    </Dialog>
  );
}

function Change({ of, onClose }: { of: Key; onClose: () => void }) {
  const change = useMutation({
    mutationFn: (draft: Draft) => api.patch<Key>(`/api/keys/${of.id}`, changesOf(draft, of)),
    onSuccess: () => {
      refresh();
      onClose();
    },
  });
  return (
    <Dialog title="Change this key" onClose={onClose}>
      <KeyForm start={draftOf(of)} action="Save" unfolded busy={change.isPending} error={change.error} onSubmit={change.mutate} onCancel={onClose} />
    </Dialog>
  );
}

const KEEP = { "0": "at once", "3600": "after an hour", "86400": "after a day", "604800": "after 7 days", "2592000": "after 30 days" };

function Rotate({ of, onRotated, onClose }: { of: Key; onRotated: (key: Key) => void; onClose: () => void }) {
  const [keep, setKeep] = useState("86400");
  const rotate = useMutation({
    mutationFn: () => api.post<Key>(`/api/keys/${of.id}/rotate`, { keep_seconds: Number(keep) }),
    onSuccess: (key) => {
      refresh();
      onRotated(key);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    rotate.mutate();
  };
  return (
    <Dialog title={`Give ${of.name} a new secret`} onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-muted">The key stays the same in name, rights, limits and usage; only its secret is new.</p>
        <Field label="The secret it has now ends">
          <Select value={keep} onChange={(event) => setKeep(event.target.value)}>
            {Object.entries(KEEP).map(([seconds, name]) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
        {rotate.error && <Failed error={rotate.error} />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={rotate.isPending}>
            Rotate
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Delete({ of, onClose }: { of: Key; onClose: () => void }) {
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/keys/${of.id}`),
    onSuccess: () => {
      refresh();
      toast("The key is deleted. It opens nothing after 5 seconds at the latest.");
      onClose();
    },
  });
  return (
    <Confirm title={`Delete ${of.name}?`} action="Delete" busy={remove.isPending} onConfirm={() => remove.mutate()} onClose={onClose}>
      <p>
        {of.last_used_at ? (
          <>
            It was last used <Time at={of.last_used_at} />.
          </>
        ) : (
          "No use of it is recorded."
        )}{" "}
        Whoever uses it is refused from then on. This cannot be taken back; to stop it for a while, disable it.
      </p>
      {remove.error && <Failed error={remove.error} />}
    </Confirm>
  );
}
