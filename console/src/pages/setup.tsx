import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiError } from "~/api/client";
import { setup } from "~/api/setup";
import { Refused, saidOf, useCountdown, useEntering } from "~/pages/entering";
import { Entrance } from "~/shell/entrance";
import { Button } from "~/ui/button";
import { Field, Input } from "~/ui/field";
import { PASSWORD_HINT, PasswordInput } from "~/ui/password";
import { Command } from "~/ui/states";

const FIELDS = ["name", "email", "password"];

/** First run: whoever has the URL that the server printed becomes its administrator. */
export default function Setup() {
  const search: { token?: string } = useSearch({ strict: false });
  const { data } = useQuery({ ...setup, refetchInterval: ({ state }) => (state.data?.needed && !search.token ? 5_000 : false) });
  if (data && !data.needed) return <Done />;
  if (!search.token) return <NoToken />;
  return (
    <Entrance title="Set up this server" about="You become its administrator. Only the person who started the server has this link.">
      <Form token={search.token} />
    </Entrance>
  );
}

function Form({ token }: { token: string }) {
  const [given, setGiven] = useState({ name: "", email: "", password: "" });
  const entering = useEntering<object>("/api/setup", "/");
  const left = useCountdown(entering.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    entering.mutate({ token, ...given });
  };
  const field = (name: keyof typeof given) => ({
    value: given[name],
    required: true,
    onChange: (event: { target: HTMLInputElement }) => setGiven({ ...given, [name]: event.target.value }),
  });
  if (entering.error instanceof ApiError && entering.error.code === "setup_done") return <p role="alert">{entering.error.message}</p>;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Full name" error={saidOf(entering.error, "name")}>
        <Input autoComplete="name" autoFocus maxLength={100} {...field("name")} />
      </Field>
      <Field label="E-mail" hint="You log in with it. Nothing is sent to it." error={saidOf(entering.error, "email")}>
        <Input type="email" autoComplete="username" {...field("email")} />
      </Field>
      <Field label="Password" hint={PASSWORD_HINT} error={saidOf(entering.error, "password")}>
        <PasswordInput autoComplete="new-password" {...field("password")} />
      </Field>
      <Refused error={entering.error} fields={FIELDS} />
      <Button type="submit" look="primary" busy={entering.isPending} disabled={left > 0}>
        Create administrator
      </Button>
    </form>
  );
}

function NoToken() {
  return (
    <Entrance title="Set up this server" about="Nobody can log in yet. Open the link that the server printed in its terminal when it started:">
      <code className="rounded-sm bg-sunk px-3 py-2 font-mono text-xs break-all">{window.location.origin}/setup?token=…</code>
      <p className="text-muted">Each start prints a new one. An administrator can also be made on the server's own machine:</p>
      <Command>penstock users create EMAIL --role admin</Command>
    </Entrance>
  );
}

function Done() {
  return (
    <Entrance title="This server is set up" about="Its administrator is there, and the link that it printed works no more.">
      <Link to="/login" className="inline-flex h-9 items-center justify-center rounded-sm bg-accent px-3 font-medium text-on-accent hover:opacity-90">
        Log in
      </Link>
    </Entrance>
  );
}
