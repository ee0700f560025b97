import type { FormEvent, ReactNode } from "react";
import { useState } from "react";
import { ApiError } from "~/api/client";
import { useAccount } from "~/api/session";
import type { Draft, Figure, Scope } from "~/keys/draft";
import { FIGURES, SCOPES } from "~/keys/draft";
import { Button } from "~/ui/button";
import { Actions } from "~/ui/dialog";
import { Field, Input, Switch } from "~/ui/field";
import { Failed } from "~/ui/states";

interface Form {
  start: Draft;
  action: string;
  busy: boolean;
  error: Error | null;
  /** Whether what can also be set is shown from the start. */
  unfolded?: boolean;
  onSubmit: (draft: Draft) => void;
  onCancel: () => void;
}

/** A key's name, and folded what else it can have. */
export function KeyForm({ start, action, busy, error, unfolded, onSubmit, onCancel }: Form) {
  const [draft, setDraft] = useState(start);
  const change = (to: Partial<Draft>) => setDraft({ ...draft, ...to });
  const param = error instanceof ApiError ? error.param : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit(draft);
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="API Key Name" hint="What it is for: a machine, a program, a person." error={param === "name" ? error?.message : null}>
        <Input autoFocus required maxLength={100} value={draft.name} onChange={(event) => change({ name: event.target.value })} />
      </Field>
      <details open={unfolded}>
        <summary className="text-muted hover:text-text">Expiry, scopes, models, limits</summary>
        <More draft={draft} onChange={change} />
      </details>
      {error && param !== "name" && <Failed error={error} />}
      <Actions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          {action}
        </Button>
      </Actions>
    </form>
  );
}

function More({ draft, onChange }: { draft: Draft; onChange: (to: Partial<Draft>) => void }) {
  const admin = useAccount().role === "admin";
  const scopes = SCOPES.filter((scope) => scope !== "admin" || admin || draft.scopes.includes(scope));
  const turn = (scope: Scope, on: boolean) => onChange({ scopes: on ? [...draft.scopes, scope] : draft.scopes.filter((one) => one !== scope) });
  const figure = (name: Figure, value: string) => onChange({ figures: { ...draft.figures, [name]: value } });
  return (
    <div className="mt-3 flex flex-col gap-4">
      <Field label="Expires at the end of" hint="Left empty, it is good until you delete it.">
        <Input type="date" value={draft.expires} onChange={(event) => onChange({ expires: event.target.value })} />
      </Field>
      <Group legend="Scopes">
        <div className="flex flex-wrap gap-x-6 gap-y-2">
          {scopes.map((scope) => (
            <Switch key={scope} label={scope} checked={draft.scopes.includes(scope)} onChange={(on) => turn(scope, on)} />
          ))}
        </div>
      </Group>
      <Field label="Models" hint="Ids with commas between them. Left empty, all that you may use.">
        <Input value={draft.models} onChange={(event) => onChange({ models: event.target.value })} />
      </Field>
      <Group legend="Limits of this key" about="Those of your account hold as well.">
        <div className="grid gap-3 sm:grid-cols-2">
          {(Object.keys(FIGURES) as Figure[]).map((name) => (
            <Field key={name} label={FIGURES[name]}>
              <Input
                type="number"
                inputMode="decimal"
                min={0}
                step={name === "monthly_budget" ? "any" : 1}
                placeholder="no limit"
                value={draft.figures[name]}
                onChange={(event) => figure(name, event.target.value)}
              />
            </Field>
          ))}
        </div>
      </Group>
    </div>
  );
}

function Group({ legend, about, children }: { legend: string; about?: string; children: ReactNode }) {
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 text-sm font-medium">{legend}</legend>
      {about && <p className="text-xs text-muted">{about}</p>}
      {children}
    </fieldset>
  );
}
