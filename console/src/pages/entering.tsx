import { type UseMutationResult, useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ApiError, api } from "~/api/client";
import { queries } from "~/api/queries";
import { session } from "~/api/session";
import { setup } from "~/api/setup";
import type { SignedIn } from "~/api/types";

/** Nothing is told of accounts that are there already: whether one has one shows where one's password opens it. */
async function signUp(given: { email: string; password: string }): Promise<SignedIn> {
  await api.post("/api/signup", given);
  const { email, password } = given;
  try {
    return await api.post<SignedIn>("/api/login", { email, password });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    throw new Error("This e-mail may have an account here already: then log in with the password of that one. If you do not know it, whoever runs this server can set another.");
  }
}

/** Sends who one is, and goes on to `to` as whoever is signed in then. */
export function useEntering<Given extends object>(path: "/api/login" | "/api/signup" | "/api/setup", to: string): UseMutationResult<SignedIn, Error, Given> {
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (given: Given) => (path === "/api/signup" ? signUp(given as Given & { email: string; password: string }) : api.post<SignedIn>(path, given)),
    onSuccess: async (signedIn) => {
      queries.setQueryData(session.queryKey, signedIn);
      if (path === "/api/setup") await queries.fetchQuery({ ...setup, staleTime: 0 });
      // Not to be gone back to: a token in its address is used up.
      void navigate({ href: to, replace: true });
    },
    onError: () => undefined,
  });
}

/** What a refusal says of one field; the rest of it is for `Refused`. */
export function saidOf(error: Error | null, param: string): string | null {
  return error instanceof ApiError && error.param === param ? error.message : null;
}

/** Why it did not work, and for how long it is no use to try again. */
export function Refused({ error, fields = [] }: { error: Error | null; fields?: readonly string[] }) {
  const left = useCountdown(error);
  if (!error || fields.some((field) => saidOf(error, field))) return null;
  return (
    <p role="alert" className="rounded-sm border border-bad px-3 py-2 text-bad">
      {error.message}
      {left > 0 && <span className="tabular-nums"> {left} s left.</span>}
    </p>
  );
}

/** Seconds until the server takes another try. */
export function useCountdown(error: Error | null): number {
  const [until, setUntil] = useState(0);
  const [now, setNow] = useState(0);
  useEffect(() => {
    const wait = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
    const at = Date.now();
    setNow(at);
    setUntil(at + wait * 1000); // of one reading of the clock: a tick between two would be a second that never ends
    if (wait === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [error]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}
