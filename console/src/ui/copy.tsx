import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "~/ui/button";
import { toast } from "~/ui/toast";

function useCopy(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    // Browsers give the clipboard to https and to the machine itself alone.
    const done = navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject(new Error("no clipboard"));
    done.then(
      () => setCopied(true),
      () => toast("The browser did not let the page copy. Select the text and copy it by hand.", "bad"),
    );
  };
  return [copied, copy];
}

/** Copies `text`; `what` names it: "the id". */
export function Copy({ text, what }: { text: string; what: string }) {
  const [copied, copy] = useCopy(text);
  return <IconButton icon={copied ? Check : CopyIcon} label={copied ? "Copied" : `Copy ${what}`} onClick={copy} className="size-6" />;
}

export function CopyButton({ text, children, look }: { text: string; children: string; look?: "primary" | "plain" }) {
  const [copied, copy] = useCopy(text);
  return (
    <Button icon={copied ? Check : CopyIcon} look={look} onClick={copy}>
      {copied ? "Copied" : children}
    </Button>
  );
}

/** An id, cut in the middle, with a copy. */
export function Id({ id, what = "the id" }: { id: string; what?: string }) {
  const shown = id.length > 22 ? `${id.slice(0, 12)}…${id.slice(-5)}` : id;
  return (
    <span className="inline-flex items-center gap-1 font-mono text-xs whitespace-nowrap">
      <span title={id}>{shown}</span>
      <Copy text={id} what={what} />
    </span>
  );
}
