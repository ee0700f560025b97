import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { setup } from "~/api/setup";
import { Refused, useCountdown, useEntering } from "~/pages/entering";
import { Entrance } from "~/shell/entrance";
import { ownPath } from "~/shell/way-back";
import { Button } from "~/ui/button";
import { Field, Input } from "~/ui/field";
import { PasswordInput } from "~/ui/password";

/** Log in with e-mail and password. */
export default function LogIn() {
  const search: { to?: string; ended?: string } = useSearch({ strict: false });
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const logIn = useEntering<{ email: string; password: string }>("/api/login", ownPath(search.to));
  const left = useCountdown(logIn.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    logIn.mutate({ email, password });
  };
  return (
    <Entrance title="Log in" about={search.ended && <p role="status">Your session has ended. Log in to go on where you were.</p>} below={<OtherWays />}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="E-mail">
          <Input type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Password">
          <PasswordInput autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </Field>
        <Refused error={logIn.error} />
        <Button type="submit" look="primary" busy={logIn.isPending} disabled={left > 0}>
          Log in
        </Button>
        <p className="text-xs text-muted">Forgotten the password? Whoever runs this server can set another one.</p>
      </form>
    </Entrance>
  );
}

function OtherWays() {
  const { data } = useQuery(setup);
  if (data?.signup === "open") {
    return (
      <>
        New here?{" "}
        <Link to="/signup" className="text-accent underline">
          Sign up
        </Link>
      </>
    );
  }
  if (data?.signup === "invitation") {
    return (
      <>
        Have you been invited?{" "}
        <Link to="/signup" className="text-accent underline">
          Sign up
        </Link>
      </>
    );
  }
  return <>Accounts are made by the administrator of this server.</>;
}
