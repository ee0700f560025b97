import type { InputHTMLAttributes, ReactElement, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";
import { cloneElement, useId } from "react";
import { classes } from "~/ui/class";

const CONTROL = "w-full rounded-sm border border-edge bg-panel px-3 text-sm text-text disabled:opacity-50 aria-invalid:border-bad";

export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input {...rest} className={classes(CONTROL, "h-9", className)} />;
}

export function Select({ className, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return <select {...rest} className={classes(CONTROL, "h-9", className)} />;
}

export function TextArea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea {...rest} className={classes(CONTROL, "py-2", className)} />;
}

interface Told {
  id?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
}

/** A control with its label, what to know of it, and what is wrong with it. */
export function Field({ label, hint, error, children }: { label: string; hint?: string; error?: string | null; children: ReactElement<Told> }) {
  const id = useId();
  const told = `${id}-told`;
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {cloneElement(children, { id, "aria-describedby": hint || error ? told : undefined, "aria-invalid": error ? true : undefined })}
      {(error || hint) && (
        <p id={told} className={classes("text-xs", error ? "text-bad" : "text-muted")}>
          {error || hint}
        </p>
      )}
    </div>
  );
}

/** On or off. */
export function Switch({ checked, onChange, label, disabled }: { checked: boolean; onChange: (checked: boolean) => void; label: string; disabled?: boolean }) {
  return (
    <label className="inline-flex items-center gap-2">
      <input
        type="checkbox"
        role="switch"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        className="relative h-5 w-9 shrink-0 appearance-none rounded-full border border-edge bg-sunk transition-colors before:absolute before:top-0.5 before:left-0.5 before:size-3.5 before:rounded-full before:bg-edge before:transition-transform checked:border-accent checked:bg-accent checked:before:translate-x-4 checked:before:bg-on-accent disabled:opacity-50"
      />
      <span>{label}</span>
    </label>
  );
}
