import { type KeyboardEvent, type ReactNode, createContext, use, useId } from "react";
import { classes } from "~/ui/class";

/** Which tab is shown, and the beginning of the ids that tie tabs to their panels. */
const Shown = createContext<{ value: string; id: string }>({ value: "", id: "" });

const STEPS: Record<string, (at: number, of: number) => number> = {
  ArrowRight: (at, of) => (at + 1) % of,
  ArrowLeft: (at, of) => (at + of - 1) % of,
  Home: () => 0,
  End: (_, of) => of - 1,
};

/** Panels of which one is shown; `tabs` is value → name. Arrows go from tab to tab (the ARIA practices' pattern of tabs). */
export function Tabs({ value, onChange, tabs, label, children }: { value: string; onChange: (value: string) => void; tabs: Record<string, string>; label: string; children: ReactNode }) {
  const id = useId();
  const values = Object.keys(tabs);
  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    const to = values[STEPS[event.key]?.(values.indexOf(value), values.length) ?? -1];
    if (to === undefined) return;
    event.preventDefault();
    onChange(to);
    event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[values.indexOf(to)]?.focus();
  };
  return (
    <div>
      <div role="tablist" aria-label={label} onKeyDown={onKey} className="mb-4 flex gap-4 overflow-x-auto border-b border-line">
        {Object.entries(tabs).map(([tab, name]) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`${id}-${tab}-tab`}
            aria-selected={tab === value}
            aria-controls={tab === value ? `${id}-${tab}` : undefined}
            tabIndex={tab === value ? 0 : -1}
            onClick={() => onChange(tab)}
            className={classes(
              "-mb-px border-b-2 py-2 whitespace-nowrap hover:text-text",
              tab === value ? "border-accent font-medium text-text" : "border-transparent text-muted",
            )}
          >
            {name}
          </button>
        ))}
      </div>
      <Shown value={{ value, id }}>{children}</Shown>
    </div>
  );
}

/** The panel of one tab. */
export function Tab({ value, className, children }: { value: string; className?: string; children: ReactNode }) {
  const shown = use(Shown);
  if (value !== shown.value) return null;
  return (
    <div role="tabpanel" id={`${shown.id}-${value}`} aria-labelledby={`${shown.id}-${value}-tab`} tabIndex={0} className={className}>
      {children}
    </div>
  );
}
