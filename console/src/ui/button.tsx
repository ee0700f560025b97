import type { LucideIcon } from "lucide-react";
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, MouseEvent } from "react";
import { classes } from "~/ui/class";

const LOOKS = {
  primary: "bg-accent text-on-accent font-medium hover:opacity-90",
  plain: "border border-edge bg-panel hover:bg-sunk",
  quiet: "text-muted hover:bg-sunk hover:text-text",
  danger: "border border-bad text-bad hover:bg-sunk",
} as const;

interface Look {
  /** One `primary` a view. */
  look?: keyof typeof LOOKS;
  icon?: LucideIcon;
  /** Whether what it does is under way; it cannot be pressed then. */
  busy?: boolean;
}

/** With the focus at the button, as Safari alone gives it none by a click: what it opens stands there, and leads back there. */
function focused(onClick: ButtonHTMLAttributes<HTMLButtonElement>["onClick"]) {
  return (event: MouseEvent<HTMLButtonElement>) => {
    event.currentTarget.focus({ preventScroll: true });
    onClick?.(event);
  };
}

export function Button({ look = "plain", icon: Icon, busy, className, children, onClick, ...rest }: Look & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      {...rest}
      onClick={focused(onClick)}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
      className={classes(
        "inline-flex h-9 shrink-0 items-center justify-center gap-2 rounded-sm px-3 text-sm whitespace-nowrap transition-colors disabled:opacity-50",
        LOOKS[look],
        className,
      )}
    >
      {Icon && <Icon size={16} aria-hidden />}
      {children}
    </button>
  );
}

/** A link that looks like a button, for what the browser does by itself: a download, another site. */
export function LinkButton({ look = "plain", icon: Icon, className, children, ...rest }: Omit<Look, "busy"> & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <a {...rest} className={classes("inline-flex h-9 shrink-0 items-center justify-center gap-2 rounded-sm px-3 text-sm whitespace-nowrap transition-colors", LOOKS[look], className)}>
      {Icon && <Icon size={16} aria-hidden />}
      {children}
    </a>
  );
}

/** A button that is an icon alone; `label` is what it is called. */
export function IconButton({ icon: Icon, label, className, onClick, ...rest }: { icon: LucideIcon; label: string } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      onClick={focused(onClick)}
      className={classes(
        "inline-flex size-8 shrink-0 items-center justify-center rounded-sm text-muted transition-colors hover:bg-sunk hover:text-text disabled:opacity-50",
        className,
      )}
    >
      <Icon size={16} aria-hidden />
    </button>
  );
}
