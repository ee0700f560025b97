/** One number of several side by side, with its name. */
export function Tile({ name, value, more }: { name: string; value: string; more?: string }) {
  return (
    <div className="min-w-0 bg-panel px-4 py-3">
      <p className="text-xs text-muted">{name}</p>
      <p className="truncate text-title font-semibold tabular-nums">{value}</p>
      {more && <p className="text-xs text-muted tabular-nums">{more}</p>}
    </div>
  );
}
