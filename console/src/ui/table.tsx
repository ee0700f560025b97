import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "~/ui/button";
import { classes } from "~/ui/class";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  number?: boolean;
  /** The server's name for its order, where it has one. */
  sort?: string;
  /** Left out on narrow screens. */
  minor?: boolean;
  /** Shown to screen readers alone, for a column of buttons. */
  hideName?: boolean;
}

export interface Sorting {
  /** The column's `sort`, with `-` before it for the largest first. */
  by: string;
  onSort: (by: string) => void;
}

/** A table of rows that the server has sorted and filtered. `label` says what they are. */
export function Table<Row>({ label, columns, rows, id, sorting, onOpen }: { label: string; columns: Column<Row>[]; rows: Row[]; id: (row: Row) => string; sorting?: Sorting; onOpen?: (row: Row) => void }) {
  return (
    // A region that scrolls has to be reachable by keyboard.
    <div tabIndex={0} role="region" aria-label={label} className="relative overflow-x-auto rounded-md border border-line bg-panel">
      <table className="w-full border-collapse text-left tabular-nums">
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            {columns.map((column) => (
              <Heading key={column.name} column={column} sorting={sorting} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={id(row)}
              onClick={onOpen && (() => onOpen(row))}
              className={classes("border-b border-line last:border-0", onOpen && "cursor-pointer hover:bg-sunk")}
            >
              {columns.map((column) => (
                <td key={column.name} className={classes("h-10 px-4 py-1.5", column.number && "text-right", column.minor && "max-md:hidden")}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading<Row>({ column, sorting }: { column: Column<Row>; sorting?: Sorting }) {
  const { name, sort, number, minor, hideName } = column;
  const look = classes("h-9 px-4 font-medium whitespace-nowrap", number && "text-right", minor && "max-md:hidden");
  if (!sort || !sorting) {
    return (
      <th scope="col" className={look}>
        {hideName ? <span className="sr-only">{name}</span> : name}
      </th>
    );
  }
  const down = sorting.by === `-${sort}`;
  const up = sorting.by === sort;
  return (
    <th scope="col" className={look} aria-sort={down ? "descending" : up ? "ascending" : undefined}>
      <button type="button" onClick={() => sorting.onSort(down ? sort : `-${sort}`)} className="inline-flex items-center gap-1 hover:text-text">
        {name}
        {down && <ArrowDown size={12} aria-hidden />}
        {up && <ArrowUp size={12} aria-hidden />}
      </button>
    </th>
  );
}

/** Forward and back through a list; see `usePages`. */
export function Pager({ page, hasMore, onBack, onForward }: { page: number; hasMore: boolean; onBack: () => void; onForward: () => void }) {
  if (page === 1 && !hasMore) return null;
  return (
    <nav aria-label="Pages of this list" className="flex items-center justify-end gap-2 text-muted">
      <span>Page {page}</span>
      <Button icon={ChevronLeft} disabled={page === 1} onClick={onBack}>
        Back
      </Button>
      <Button disabled={!hasMore} onClick={onForward}>
        Next
        <ChevronRight size={16} aria-hidden />
      </Button>
    </nav>
  );
}
