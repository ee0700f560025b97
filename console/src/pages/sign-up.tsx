import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { setup } from "~/api/setup";
import { Refused, saidOf, useCountdown, useEntering } from "~/pages/entering";
import { Entrance } from "~/shell/entrance";
import { Button } from "~/ui/button";
import { Field, Input } from "~/ui/field";
import { PASSWORD_HINT, PasswordInput } from "~/ui/password";

const FIELDS = ["name", "email", "password"];

/** Make an account for oneself, where the server lets one. */
export default function SignUp() {
  const { data } = useQuery(setup);
  if (data?.signup === "closed") return <Closed />;
  return (
    <Entrance title="Sign up" about={data?.signup === "invitation" && "Accounts are made by invitation here."} below={<LogInInstead />}>
      <Form invited={data?.signup === "invitation"} />
    </Entrance>
  );
}

function Form({ invited }: { invited: boolean }) {
  const search: { invitation?: string } = useSearch({ strict: false });
  const [given, setGiven] = useState({ name: "", email: "", password: "", invitation: search.invitation ?? "" });
  const signUp = useEntering<object>("/api/signup", "/");
  const left = useCountdown(signUp.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { invitation, ...who } = given;
    signUp.mutate(invitation ? { ...who, invitation: invitation.trim() } : who);
  };
  const field = (name: keyof typeof given) => ({
    value: given[name],
    required: true,
    onChange: (event: { target: HTMLInputElement }) => setGiven({ ...given, [name]: event.target.value }),
  });
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {invited && !search.invitation && (
        <Field label="Invitation" hint="What the administrator sent you; it begins with pinv_.">
          <Input autoComplete="off" autoFocus className="font-mono" {...field("invitation")} />
        </Field>
      )}
      <Field label="Full name" error={saidOf(signUp.error, "name")}>
        <Input autoComplete="name" autoFocus={!invited || !!search.invitation} maxLength={100} {...field("name")} />
      </Field>
      <Field label="E-mail" error={saidOf(signUp.error, "email")}>
        <Input type="email" autoComplete="username" {...field("email")} />
      </Field>
      <Field label="Password" hint={PASSWORD_HINT} error={saidOf(signUp.error, "password")}>
        <PasswordInput autoComplete="new-password" {...field("password")} />
      </Field>
      <Refused error={signUp.error} fields={FIELDS} />
      <Button type="submit" look="primary" busy={signUp.isPending} disabled={left > 0}>
        Sign up
      </Button>
    </form>
  );
}

function Closed() {
  return (
    <Entrance title="Sign-up is closed" about="The administrator of this server makes the accounts. Ask them for one: they need to know your e-mail address." below={<LogInInstead />} />
  );
}

function LogInInstead() {
  return (
    <>
      Do you have an account?{" "}
      <Link to="/login" className="text-accent underline">
        Log in
      </Link>
    </>
  );
}
