import { Eye, EyeOff } from "lucide-react";
import { type InputHTMLAttributes, useState } from "react";
import { IconButton } from "~/ui/button";
import { Input } from "~/ui/field";

/** What a new password has to be, for the hint of its field. */
export const PASSWORD_HINT = "12 characters or more. Four or five unrelated words make a good one.";

/** A password, which can be looked at while it is typed. */
export function PasswordInput(rest: InputHTMLAttributes<HTMLInputElement>) {
  const [shown, setShown] = useState(false);
  return (
    <div className="relative">
      <Input {...rest} type={shown ? "text" : "password"} autoCapitalize="none" spellCheck={false} className="pr-10" />
      <IconButton
        icon={shown ? EyeOff : Eye}
        label={shown ? "Hide the characters" : "Show the characters"}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
        className="absolute top-0.5 right-0.5"
      />
    </div>
  );
}
