import { type KeyboardEvent, type MouseEvent, type ReactNode, type RefObject, useId, useLayoutEffect, useRef } from "react";
import { Button } from "~/ui/button";

const GAP = 6;
const MARGIN = 8;

/**
 * Asks, at the button that was pressed, before something that cannot be taken back. It is a dialog of the browser's own:
 * it keeps the focus, which goes back to that button; Esc and a click beside it close it; Enter does what it asks about.
 */
export function Confirm({ title, children, action, busy, onConfirm, onClose }: { title: string; children: ReactNode; action: string; busy?: boolean; onConfirm: () => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useShownBeside(dialog);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (!isBeside(event)) return;
        event.preventDefault(); // which would give the focus to what is under it
        onClose();
      }}
      onKeyDown={keepFromRepeating}
      className="fixed inset-auto m-0 max-h-[calc(100dvh-1rem)] w-80 max-w-[calc(100vw-1rem)] overflow-y-auto rounded-md border border-edge bg-panel p-4 text-left text-sm font-normal whitespace-normal backdrop:bg-transparent"
    >
      <h2 id={`${id}-title`} className="font-semibold break-words">
        {title}
      </h2>
      <div id={`${id}-text`} className="mt-1 text-muted">
        {children}
      </div>
      <footer className="mt-4 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </footer>
    </dialog>
  );
}

/** Shows the dialog beside what has the focus, which is what was pressed, and keeps it there; then the focus goes back. */
function useShownBeside(dialog: RefObject<HTMLDialogElement | null>): void {
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (!shown) return;
    const pressed = document.activeElement;
    const place = () => beside(shown, pressed);
    shown.showModal();
    shown.querySelector<HTMLElement>("footer button:last-of-type")?.focus();
    const grown = new ResizeObserver(place);
    grown.observe(shown);
    window.addEventListener("resize", place);
    window.addEventListener("scroll", place, true);
    return () => {
      grown.disconnect();
      window.removeEventListener("resize", place);
      window.removeEventListener("scroll", place, true);
      shown.close();
    };
  }, [dialog]);
}

/** Under the button, or over it where there is more room; at that edge of it which is nearer to the window's. */
function beside(shown: HTMLElement, button: Element | null): void {
  if (!button?.isConnected) return; // its row is gone: it stays where it was
  const { top, bottom, left, right } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = shown;
  const x = left + right > window.innerWidth ? right - width : left;
  const y = bottom + GAP + height + MARGIN > window.innerHeight && top > window.innerHeight - bottom ? top - GAP - height : bottom + GAP;
  shown.style.left = `${Math.round(within(x, window.innerWidth - width))}px`;
  shown.style.top = `${Math.round(within(y, window.innerHeight - height))}px`;
}

const within = (at: number, most: number) => Math.max(MARGIN, Math.min(at, most - MARGIN));

/** Whether it was beside the dialog that was pressed: what is around a dialog counts as the dialog. */
function isBeside({ target, currentTarget, clientX, clientY }: MouseEvent): boolean {
  const { top, bottom, left, right } = currentTarget.getBoundingClientRect();
  return target === currentTarget && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

/** A key that is held since it opened this confirms nothing. */
function keepFromRepeating(event: KeyboardEvent): void {
  if (event.repeat && event.key === "Enter") event.preventDefault();
}
