/** Keeps the conversation, and what is being written, in this tab: for a page that is loaded anew, or a session that ended. The server keeps nothing of it. */
import { type Columns, emptyColumn } from "~/playground/bench";
import { stopped } from "~/playground/conversation";

/** What a conversation began as. One that was opened is kept beside one's own, and takes nothing from it. */
export interface Beginning {
  /** What was opened: `batch_1/3`; "" is one's own. */
  of: string;
  columns: Columns;
}

export const OWN: Beginning = { of: "", columns: [emptyColumn("A")] };

const nameOf = ({ of }: Beginning) => (of === "" ? "playground" : "playground.opened");

interface Kept extends Beginning {
  account: string;
}

/** What this account left of it here; another's is forgotten. */
export function kept(account: string, beginning: Beginning, storage: Storage = sessionStorage): Columns {
  const name = nameOf(beginning);
  try {
    const found = JSON.parse(storage.getItem(name) ?? "null") as Kept | null;
    if (found?.account === account && found.of === beginning.of) return whole(found.columns);
    storage.removeItem(name);
  } catch {
    // Nothing is there, or nothing that can be read.
  }
  return beginning.columns;
}

export function keep(account: string, beginning: Beginning, columns: Columns, storage: Storage = sessionStorage): void {
  try {
    storage.setItem(nameOf(beginning), JSON.stringify({ account, of: beginning.of, columns: whole(columns) } satisfies Kept));
  } catch {
    // Too long for this browser: it lasts as long as the page then.
  }
}

const DRAFT = "playground-draft";

/** What this account was writing here; another's is forgotten. */
export function keptDraft(account: string, storage: Storage = sessionStorage): string {
  try {
    const found = JSON.parse(storage.getItem(DRAFT) ?? "null") as { account: string; text: string } | null;
    if (found?.account === account) return found.text;
    storage.removeItem(DRAFT);
  } catch {
    // Nothing is there, or nothing that can be read.
  }
  return "";
}

export function keepDraft(account: string, text: string, storage: Storage = sessionStorage): void {
  try {
    if (text === "") storage.removeItem(DRAFT);
    else storage.setItem(DRAFT, JSON.stringify({ account, text }));
  } catch {
    // Too long for this browser: it lasts as long as the page then.
  }
}

/** Without answers that are still on their way: they end with the page. */
function whole(columns: Columns): Columns {
  return columns.map((column) => ({ ...column, messages: column.messages.map((message) => (message.role === "user" ? message : stopped(message))) })) as unknown as Columns;
}
