import { useState } from "react";
import { Field, Input, Select } from "~/ui/field";

const USUAL = ["1h", "6h", "12h", "24h"];
const OTHER = "other";

/** How long a batch may take: "" while that is no whole number of hours from 1 to 168. */
export function WindowField({ value, onChange }: { value: string; onChange: (window: string) => void }) {
  const [other, setOther] = useState(false);
  const [hours, setHours] = useState("48");
  const type = (text: string) => {
    setHours(text);
    onChange(/^[0-9]{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 168 ? `${Number(text)}h` : "");
  };
  const choose = (chosen: string) => {
    setOther(chosen === OTHER);
    if (chosen === OTHER) type(hours);
    else onChange(chosen);
  };
  return (
    <div className="flex flex-col gap-2">
      <Field label="Completion window" hint="What is not done by then is told, and what was done is yours.">
        <Select value={other ? OTHER : value} onChange={(event) => choose(event.target.value)}>
          {USUAL.map((one) => (
            <option key={one}>{one}</option>
          ))}
          <option value={OTHER}>Other</option>
        </Select>
      </Field>
      {other && (
        <Field label="Hours" error={value === "" ? "A whole number from 1 to 168." : null}>
          <Input inputMode="numeric" value={hours} onChange={(event) => type(event.target.value)} />
        </Field>
      )}
    </div>
  );
}
