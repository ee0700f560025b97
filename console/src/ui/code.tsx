import { Copy } from "~/ui/copy";

/** A block of code, with a copy. */
export function Code({ children, label = "Code" }: { children: string; label?: string }) {
  return (
    <div className="relative rounded-sm bg-sunk">
      <pre tabIndex={0} aria-label={label} className="overflow-x-auto p-3 pr-10 font-mono text-xs max-sm:pt-9">
        <code>{children}</code>
      </pre>
      <span className="absolute top-1.5 right-1.5 rounded-sm bg-sunk">
        <Copy text={children} what="the code" />
      </span>
    </div>
  );
}
