import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Panels of which one is shown; `tabs` is value → name. */
export function Tabs({ value, onChange, tabs, label, children }: { value: string; onChange: (value: string) => void; tabs: Record<string, string>; label: string; children: ReactNode }) {
  return (
    <Radix.Root value={value} onValueChange={onChange}>
      <Radix.List aria-label={label} className="mb-4 flex gap-4 overflow-x-auto border-b border-line">
        {Object.entries(tabs).map(([tab, name]) => (
          <Radix.Trigger
            key={tab}
            value={tab}
            className="-mb-px border-b-2 border-transparent py-2 whitespace-nowrap text-muted hover:text-text data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-text"
          >
            {name}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {children}
    </Radix.Root>
  );
}

export const Tab = Radix.Content;
