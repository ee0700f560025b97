import { X } from "lucide-react";
import { memo, useId, useState } from "react";
import type { Model } from "~/api/types";
import type { Column } from "~/playground/conversation";
import { MAX_STOPS, NUMBERS, type NumberParameter, type Parameters, changed, countSet, stopsOf, stopsShown, typedNumber } from "~/playground/parameters";
import { Button, IconButton } from "~/ui/button";
import { classes } from "~/ui/class";
import { Field, Input, TextArea } from "~/ui/field";

export type Settings = Pick<Column, "system" | "parameters">;

interface Props extends Settings {
  model: Model | undefined;
  onChange: (settings: Partial<Settings>) => void;
}

/** System prompt and parameters of one conversation. What is not set is not sent. Rendered anew only where they change. */
export const ParametersPanel = memo(function ParametersPanel({ parameters, system, model, onChange }: Props) {
  const set = (to: Parameters) => onChange({ parameters: to });
  return (
    <div className="flex flex-col gap-4">
      <Field label="System prompt">
        <TextArea rows={3} placeholder="not set" value={system} onChange={(event) => onChange({ system: event.target.value })} className="field-sizing-content max-h-60 min-h-18" />
      </Field>
      <div className="flex h-8 items-center justify-between border-t border-line pt-4">
        <h2 className="font-medium">Parameters</h2>
        <Button look="quiet" disabled={countSet(parameters) === 0} onClick={() => set({})} className="-mr-3 h-8">
          Reset
        </Button>
      </div>
      {NUMBERS.map((parameter) => (
        <NumberRow
          key={parameter.name}
          parameter={bounded(parameter, model)}
          value={parameters[parameter.name]}
          onChange={(value) => set(changed(parameters, parameter.name, value))}
        />
      ))}
      <StopRow stops={parameters.stop} onChange={(stops) => set(changed(parameters, "stop", stops))} />
    </div>
  );
});

/** An answer is never longer than the model lets it be. */
function bounded(parameter: NumberParameter, model: Model | undefined): NumberParameter {
  if (parameter.name !== "max_completion_tokens" || !model) return parameter;
  const max = model.max_output;
  return { ...parameter, max, usual: Math.min(parameter.usual, max) };
}

interface RowProps {
  parameter: NumberParameter;
  value: number | undefined;
  onChange: (value: number | undefined) => void;
}

function NumberRow({ parameter, value, onChange }: RowProps) {
  const { label, min, max, step, usual, typed } = parameter;
  return (
    <div className="flex flex-col gap-1.5">
      <NumberBox {...{ parameter, value, onChange }} />
      {!typed && (
        <input
          type="range"
          aria-label={`${label}, slider`}
          aria-valuetext={value === undefined ? "not set" : undefined}
          min={min}
          max={max}
          step={step}
          value={value ?? usual}
          onChange={(event) => onChange(Number(event.target.value))}
          className={classes("h-4 w-full accent-accent", value === undefined && "opacity-40 grayscale")}
        />
      )}
    </div>
  );
}

/** The label and the number itself; an empty box is a parameter that is not set. */
function NumberBox({ parameter, value, onChange }: RowProps) {
  const { label, hint, min, max, step, typed } = parameter;
  const id = useId();
  // A text that is no number yet ("-", "0.") is kept while somebody types it.
  const [draft, setDraft] = useState<string | null>(null);
  const wrong = draft !== null && typedNumber(draft, parameter) === null;
  const onType = (text: string) => {
    setDraft(text);
    const number = typedNumber(text, parameter);
    if (number !== null) onChange(number);
  };
  return (
    <>
      <div className="flex items-center gap-1">
        <label htmlFor={id} className="min-w-0 flex-1 truncate" title={hint}>
          {label}
        </label>
        {value !== undefined && <IconButton icon={X} label={`Do not set ${label}`} onClick={() => onChange(undefined)} className="size-7" />}
        <span className="w-22 shrink-0">
          <Input
            id={id}
            inputMode="decimal"
            placeholder="not set"
            aria-invalid={wrong || undefined}
            aria-describedby={`${id}-hint`}
            value={draft ?? value ?? ""}
            onChange={(event) => onType(event.target.value)}
            onBlur={() => setDraft(null)}
            className="text-right tabular-nums"
          />
        </span>
      </div>
      <p id={`${id}-hint`} className={classes("text-xs", wrong ? "text-bad" : "sr-only")}>
        {wrong ? `${step === 1 ? "A whole number" : "A number"} from ${typed ? "−2⁵³" : min} to ${typed ? "2⁵³" : max}.` : hint}
      </p>
    </>
  );
}

function StopRow({ stops, onChange }: { stops: string[] | undefined; onChange: (stops: string[] | undefined) => void }) {
  // Empty lines stay while somebody types.
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <Field label="Stop" hint={`Ends the answer before any of these: one a line, ${MAX_STOPS} at most; \\n is a line break.`}>
      <TextArea
        rows={2}
        placeholder="not set"
        value={draft ?? stopsShown(stops)}
        onChange={(event) => {
          setDraft(event.target.value);
          onChange(stopsOf(event.target.value));
        }}
        onBlur={() => setDraft(null)}
        className="font-mono text-xs"
      />
    </Field>
  );
}
