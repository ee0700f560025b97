import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/class";

/**
 * A dialog of the browser's own: it keeps the focus, makes the page behind inert, and Esc closes it. It is there while it
 * is rendered. `keep` takes Esc and the cross away, for what is shown once.
 */
export function Dialog({ title, onClose, keep, wide, children }: { title: string; onClose: () => void; keep?: boolean; wide?: boolean; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const label = useId();
  // Before it leaves the document, as only then the focus goes back to where it was.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (!shown?.open) shown?.showModal();
    // React's autoFocus comes before the dialog is shown, where nothing can have the focus.
    shown?.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={label}
      onCancel={(event) => {
        event.preventDefault();
        if (!keep) onClose();
      }}
      className={classes(
        "m-auto max-h-[calc(100dvh-2rem)] w-full max-w-[calc(100vw-2rem)] overflow-y-auto rounded-lg border border-edge bg-panel p-5",
        wide ? "sm:max-w-3xl" : "sm:max-w-md",
      )}
    >
      <header className="mb-4 flex items-start justify-between gap-4">
        <h2 id={label} className="text-lg font-semibold">
          {title}
        </h2>
        {!keep && <IconButton icon={X} label="Close" onClick={onClose} className="-mt-1 -mr-2" />}
      </header>
      {children}
    </dialog>
  );
}

/** The row of buttons at a dialog's end. */
export function Actions({ children }: { children: ReactNode }) {
  return <footer className="mt-6 flex flex-wrap justify-end gap-2">{children}</footer>;
}
