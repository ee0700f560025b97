import { Link } from "@tanstack/react-router";

export function NoPage() {
  return (
    <main className="mx-auto flex max-w-md flex-col gap-3 px-4 py-24">
      <h1 className="text-title font-semibold">There is no such page</h1>
      <p className="text-muted">The address may be mistyped, or the page has moved.</p>
      <Link to="/" className="text-accent underline">
        Go to Home
      </Link>
    </main>
  );
}
