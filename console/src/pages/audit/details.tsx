import { changesOf } from "~/pages/audit/changes";

/** What an act changed: the name, what it was, and what it is. */
export function ActDetails({ details }: { details: Record<string, unknown> }) {
  const changes = changesOf(details);
  if (changes.length === 0) return <span className="text-muted">–</span>;
  return (
    <ul className="flex min-w-56 flex-col gap-0.5 py-1 text-xs">
      {changes.map(({ name, from, to }) => (
        <li key={name} className="break-words">
          <span className="text-muted">{name.replaceAll("_", " ")}: </span>
          {from !== undefined && (
            <>
              <del className="text-bad">
                <bdi>{from}</bdi>
              </del>
              <span aria-hidden> → </span>
            </>
          )}
          {from === undefined ? (
            <bdi>{to}</bdi>
          ) : (
            <ins className="text-ok no-underline">
              <bdi>{to}</bdi>
            </ins>
          )}
        </li>
      ))}
    </ul>
  );
}
