import type { ReactNode } from "react";
import { Button } from "~/ui/button";
import { CopyButton } from "~/ui/copy";
import { Actions, Dialog } from "~/ui/dialog";

/** A secret that nobody can see again; only Done closes it. */
export function ShownOnce({ title, secret, what, copy, children, onDone }: { title: string; secret: string; what: string; copy: string; children: ReactNode; onDone: () => void }) {
  return (
    <Dialog title={title} onClose={onDone} keep>
      <div className="flex flex-col gap-4">
        <div className="text-muted">{children}</div>
        <output aria-label={what} className="block rounded-sm bg-sunk p-3 font-mono text-xs break-all select-all">
          {secret}
        </output>
      </div>
      <Actions>
        <CopyButton text={secret} look="primary">
          {copy}
        </CopyButton>
        <Button onClick={onDone}>Done</Button>
      </Actions>
    </Dialog>
  );
}
