import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api } from "~/api/client";
import { queries } from "~/api/queries";
import { session } from "~/api/session";
import type { SignedIn } from "~/api/types";
import { Mark } from "~/shell/mark";
import { Button } from "~/ui/button";
import { Field, Input } from "~/ui/field";

/** Log in with e-mail and password. */
export default function LogIn() {
  const search: { to?: string; ended?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  useEffect(() => {
    document.title = "Log in · Penstock";
  }, []);
  const logIn = useMutation({
    mutationFn: () => api.post<SignedIn>("/api/login", { email, password }),
    onSuccess: (signedIn) => {
      queries.setQueryData(session.queryKey, signedIn);
      // Only a path of this very site is followed.
      const to = search.to?.startsWith("/") && !search.to.startsWith("//") ? search.to : "/";
      void navigate({ href: to });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    logIn.mutate();
  };
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-6 px-4 py-12">
      <Mark />
      <h1 className="text-title font-semibold">Log in</h1>
      {search.ended && !logIn.error && <p role="status">Your session has ended. Log in to go on where you were.</p>}
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="E-mail">
          <Input type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Password">
          <Input type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </Field>
        {logIn.error && (
          <p role="alert" className="text-bad">
            {logIn.error.message}
          </p>
        )}
        <Button type="submit" look="primary" busy={logIn.isPending}>
          Log in
        </Button>
      </form>
    </main>
  );
}
