import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useId, useState } from "react";
import { useAccount } from "~/api/session";
import { PAGES } from "~/shell/nav";
import { useTheme } from "~/shell/theme";
import { classes } from "~/ui/class";
import { Dialog } from "~/ui/dialog";
import { Input } from "~/ui/field";

interface Action {
  name: string;
  run: () => void;
}

/** Ctrl-K: go anywhere by its name. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const found = useActions().filter(({ name }) => name.toLowerCase().includes(text.trim().toLowerCase()));
  const chosen = Math.min(at, found.length - 1);
  const run = (action: Action | undefined) => {
    if (!action) return;
    onClose();
    action.run();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") run(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <Input
        role="combobox"
        aria-label="Page or action"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? `${list}-${chosen}` : undefined}
        placeholder="Page or action"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <Options id={list} actions={found} chosen={chosen} onMove={setAt} onRun={run} />
      {found.length === 0 && <p className="px-3 py-2 text-muted">Nothing is called that.</p>}
    </Dialog>
  );
}

function Options({ id, actions, chosen, onMove, onRun }: { id: string; actions: Action[]; chosen: number; onMove: (to: number) => void; onRun: (action: Action) => void }) {
  return (
    <ul id={id} role="listbox" aria-label="Pages and actions" className="mt-3 max-h-80 overflow-y-auto">
      {actions.map((action, index) => (
        <li
          key={action.name}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          onClick={() => onRun(action)}
          onMouseMove={() => onMove(index)}
          className={classes("cursor-pointer rounded-sm px-3 py-2", index === chosen && "bg-tint")}
        >
          {action.name}
        </li>
      ))}
    </ul>
  );
}

function useActions(): Action[] {
  const navigate = useNavigate();
  const account = useAccount();
  const [theme, change] = useTheme();
  const pages = PAGES.filter((page) => page.group !== "admin" || account.role === "admin");
  return [
    ...pages.map(({ name, path }) => ({ name, run: () => void navigate({ to: path }) })),
    { name: theme === "dark" ? "Use the light theme" : "Use the dark theme", run: change },
  ];
}
