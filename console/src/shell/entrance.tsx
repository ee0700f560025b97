import { type ReactNode, useEffect } from "react";
import { Mark } from "~/shell/mark";

/** A page for whoever is not signed in: one card, and below it what else one may do. */
export function Entrance({ title, about, children, below }: { title: string; about?: ReactNode; children?: ReactNode; below?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Penstock`;
  }, [title]);
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-[432px] flex-col justify-center gap-6 px-4 py-12">
      <Mark />
      <div className="flex flex-col gap-5 rounded-lg border border-line bg-panel p-5 sm:p-6">
        <header>
          <h1 className="text-title font-semibold">{title}</h1>
          {about && <div className="mt-1 text-muted">{about}</div>}
        </header>
        {children}
      </div>
      {below && <p className="text-center text-muted">{below}</p>}
    </main>
  );
}
