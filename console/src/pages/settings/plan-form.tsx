import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import type { Plan } from "~/api/types";
import { ALL, type Draft, FIGURES, type Figure, OF_MODELS, type Typed, definitionOf, draftOf, isWrong, wrongWith } from "~/pages/settings/figures";
import { ADMIN_PLANS } from "~/pages/users/plan-names";
import { Button } from "~/ui/button";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Input, Select } from "~/ui/field";
import { Failed } from "~/ui/states";
import { toast } from "~/ui/toast";

/** Changes a plan, or makes one; `taken` are the names that plans have. */
export function PlanForm({ plan, taken, onClose }: { plan: Plan | null; taken: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(plan?.id ?? "");
  const [draft, setDraft] = useState(() => draftOf(plan?.definition));
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const save = useMutation({
    mutationFn: () => api.put<Plan>(`${ADMIN_PLANS}/${encodeURIComponent(name)}`, definitionOf(draft)),
    onSuccess: () => {
      toast(`The plan ${name} is saved. It holds within 5 seconds.`);
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: [ADMIN_PLANS] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const nameTaken = !plan && taken.includes(name) ? "There is a plan of this name." : null;
  return (
    <Dialog title={plan ? `Edit the plan ${plan.id}` : "New plan"} onClose={onClose} wide>
      <form onSubmit={submit} className="flex flex-col gap-5">
        <div className="grid gap-4 sm:grid-cols-3">
          {!plan && (
            <Field label="Name" hint="a-z, 0-9, _ and -" error={nameTaken}>
              <Input required autoFocus pattern="[a-z0-9][a-z0-9_\-]{0,39}" value={name} onChange={(event) => setName(event.target.value)} />
            </Field>
          )}
          <Field label="Description">
            <Input maxLength={200} value={draft.description} onChange={(event) => change({ description: event.target.value })} />
          </Field>
          <Field label="Priority" hint="Who goes first where requests wait.">
            <Select value={draft.priority} onChange={(event) => change({ priority: event.target.value as Draft["priority"] })}>
              <option value="standard">Standard</option>
              <option value="high">High</option>
            </Select>
          </Field>
        </div>
        <Figures names={ALL} figures={draft.figures} onChange={(figures) => change({ figures })} />
        <OfModels models={draft.models} onChange={(models) => change({ models })} />
        {save.error && <Failed error={save.error} what="The plan was not saved." />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={save.isPending} disabled={isWrong(draft) || nameTaken !== null}>
            Save
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Figures({ names, figures, onChange }: { names: Figure[]; figures: Typed; onChange: (figures: Typed) => void }) {
  return (
    <div className="grid gap-4 sm:grid-cols-2 md:grid-cols-3">
      {names.map((name) => (
        <Field key={name} label={FIGURES[name]} error={wrongWith(name, figures[name])}>
          <Input inputMode="decimal" placeholder="no limit" autoComplete="off" className="tabular-nums" value={figures[name] ?? ""} onChange={(event) => onChange({ ...figures, [name]: event.target.value })} />
        </Field>
      ))}
    </div>
  );
}

function OfModels({ models, onChange }: { models: Draft["models"]; onChange: (models: Draft["models"]) => void }) {
  const put = (at: number, model: Draft["models"][number]) => onChange(models.map((one, index) => (index === at ? model : one)));
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
        <div>
          <h3 className="font-medium">For single models</h3>
          <p className="text-xs text-muted">A figure named here counts that model alone, and stands in for the general one.</p>
        </div>
        <Button icon={Plus} onClick={() => onChange([...models, { id: "", figures: {} }])}>
          Add a model
        </Button>
      </div>
      {models.map((model, at) => (
        <fieldset key={at} className="flex flex-col gap-4 rounded-sm border border-line p-4">
          <legend className="sr-only">Figures for {model.id || "a model"}</legend>
          <div className="flex items-end gap-2">
            <div className="flex-1">
              <Field label="Model's id">
                <Input required className="font-mono text-xs!" value={model.id} onChange={(event) => put(at, { ...model, id: event.target.value })} />
              </Field>
            </div>
            <Button onClick={() => onChange(models.filter((_, index) => index !== at))} aria-label={`Take the figures for ${model.id || "this model"} away`}>
              Remove
            </Button>
          </div>
          <Figures names={OF_MODELS} figures={model.figures} onChange={(figures) => put(at, { ...model, figures })} />
        </fieldset>
      ))}
    </div>
  );
}
