/** Keeps the conversation in this tab, for a page that is loaded anew; nothing of it is kept on the server. */
import { type Columns, emptyColumn } from "~/playground/bench";
import { stopped } from "~/playground/conversation";

const NAME = "playground";

interface Kept {
  account: string;
  columns: Columns;
}

/** What this account left here; another's is forgotten. */
export function kept(account: string, storage: Storage = sessionStorage): Columns {
  try {
    const found = JSON.parse(storage.getItem(NAME) ?? "null") as Kept | null;
    if (found?.account === account) return whole(found.columns);
    storage.removeItem(NAME);
  } catch {
    // Nothing is there, or nothing that can be read.
  }
  return [emptyColumn("A")];
}

export function keep(account: string, columns: Columns, storage: Storage = sessionStorage): void {
  try {
    storage.setItem(NAME, JSON.stringify({ account, columns: whole(columns) } satisfies Kept));
  } catch {
    // Too long for this browser: it lasts as long as the page then.
  }
}

/** Without answers that are still on their way: they end with the page. */
function whole(columns: Columns): Columns {
  return columns.map((column) => ({ ...column, messages: column.messages.map((message) => (message.role === "user" ? message : stopped(message))) })) as unknown as Columns;
}
