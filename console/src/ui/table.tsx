import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight } from "lucide-react";
import { type FocusEvent, type ReactNode, useLayoutEffect, useRef } from "react";
import { Button } from "~/ui/button";
import { classes } from "~/ui/class";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  number?: boolean;
  /** The server's name for its order, where it has one. */
  sort?: string;
  /** Left out on narrow screens; `column`: only where it would be a column, and not on the cards of a telephone. */
  minor?: boolean | "column";
  /** Shown to screen readers alone, for a column of buttons. */
  hideName?: boolean;
  /** What can be done with the row: at the right of a card, and without the name. So is a column that hides its name. */
  acts?: boolean;
  /** On a card over all of its width. */
  wide?: boolean;
  /** Whether the card of a row leaves it out, as it says nothing new there. */
  known?: (row: Row) => boolean;
}

export interface Sorting {
  /** The column's `sort`, with `-` before it for the largest first. */
  by: string;
  onSort: (by: string) => void;
}

/**
 * A table of rows that the server has sorted and filtered. `label` says what they are. On a telephone each row is a card:
 * its first cell is the title, unless that is a number, and the others stand under it with their names.
 */
export function Table<Row>({ label, columns, rows, id, sorting, onOpen }: { label: string; columns: Column<Row>[]; rows: Row[]; id: (row: Row) => string; sorting?: Sorting; onOpen?: (row: Row) => void }) {
  return (
    // A region that scrolls has to be reachable by keyboard.
    <div {...useFocusOfRowsGone(rows)} tabIndex={0} role="region" aria-label={label} className="relative overflow-x-auto rounded-md border border-line bg-panel">
      {/* A table that is shown as blocks is none to some browsers, unless it says so. */}
      <table role="table" className="w-full border-collapse text-left tabular-nums max-sm:block">
        <thead role="rowgroup" className={classes("max-sm:block", !(sorting && columns.some((column) => column.sort)) && "max-sm:sr-only")}>
          <tr role="row" className="border-b border-line text-xs text-muted max-sm:flex max-sm:flex-wrap max-sm:gap-x-4 max-sm:px-4">
            {columns.map((column) => (
              <Heading key={column.name} column={column} sorting={sorting} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" className="max-sm:block">
          {rows.map((row) => (
            <tr
              key={id(row)}
              role="row"
              onClick={onOpen && (() => onOpen(row))}
              className={classes(
                "border-b border-line last:border-0 max-sm:grid max-sm:grid-flow-row-dense max-sm:grid-cols-2 max-sm:gap-x-4 max-sm:gap-y-2 max-sm:px-4 max-sm:py-3",
                onOpen && "cursor-pointer hover:bg-sunk",
              )}
            >
              {columns.map((column, index) => (
                <td key={column.name} role="cell" data-name={column.name} className={classes("h-10 px-4 py-1.5", column.number && "sm:text-right sm:whitespace-nowrap", placed(column, index), column.known?.(row) && "max-sm:hidden")}>
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

const hidden = (minor: Column<unknown>["minor"]) => (minor === "column" ? "sm:max-md:hidden" : minor && "max-md:hidden");

/** Where a cell stands on a card: the title first, what can be done at the right, facts beneath their names. */
function placed<Row>({ minor, hideName, acts, wide, number }: Column<Row>, index: number): string {
  const title = index === 0 && !number;
  const doing = acts || hideName;
  return classes(
    minor !== true && "max-sm:block max-sm:empty:hidden",
    "max-sm:h-auto max-sm:min-w-0 max-sm:p-0",
    !title && !doing && "max-sm:before:block max-sm:before:text-xs max-sm:before:text-muted max-sm:before:content-[attr(data-name)]",
    doing && "max-sm:col-start-2 max-sm:self-end max-sm:justify-self-end",
    (title || wide) && "max-sm:col-span-2",
    hidden(minor),
  );
}

/** Where the row that had the focus is gone, by what was done with it, the table has it. */
function useFocusOfRowsGone(rows: unknown[]) {
  const region = useRef<HTMLDivElement>(null);
  const last = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (!last.current || last.current.isConnected) return;
    last.current = null;
    if (document.activeElement === document.body) region.current?.focus({ preventScroll: true });
  }, [rows]);
  return { ref: region, onFocus: (event: FocusEvent) => void (last.current = event.target) };
}

function Heading<Row>({ column, sorting }: { column: Column<Row>; sorting?: Sorting }) {
  const { name, sort, number, minor, hideName } = column;
  const look = classes("h-9 px-4 font-medium whitespace-nowrap max-sm:h-auto max-sm:px-0 max-sm:py-2", minor !== true && "max-sm:block", number && "sm:text-right", hidden(minor));
  if (!sort || !sorting) {
    return (
      <th scope="col" role="columnheader" className={classes(look, "max-sm:sr-only")}>
        {hideName ? <span className="sr-only">{name}</span> : name}
      </th>
    );
  }
  const down = sorting.by === `-${sort}`;
  const up = sorting.by === sort;
  return (
    <th scope="col" role="columnheader" className={look} aria-sort={down ? "descending" : up ? "ascending" : undefined}>
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
