/** The product's sign and name. */
export function Mark({ small }: { small?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2 font-semibold">
      <img src="/mark.svg" alt={small ? "Penstock" : ""} width={24} height={24} />
      {!small && "Penstock"}
    </span>
  );
}
