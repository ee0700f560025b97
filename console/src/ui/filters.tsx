import { type ReactNode, useEffect, useState } from "react";
import { Input, Select } from "~/ui/field";
import { useUrl } from "~/ui/pages";

/** Filters above a list; each is a name in the URL, and another value begins at the first page. */
export function Filters({ children }: { children: ReactNode }) {
  return (
    <div role="search" className="flex flex-wrap items-center gap-2">
      {children}
    </div>
  );
}

/** A text that the server looks for; it is asked once typing rests. */
export function TextFilter({ name, label }: { name: string; label: string }) {
  const [url, setUrl] = useUrl();
  const asked = url[name] ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => setUrl({ [name]: text.trim(), after: undefined }), 250);
    return () => clearTimeout(timer);
  });
  return <Input type="search" aria-label={label} placeholder={label} maxLength={200} value={text} onChange={(event) => setText(event.target.value)} className="max-w-64 max-sm:max-w-none" />;
}

/** One of some values; `choices` is value → name, and none of them is all. */
export function ChoiceFilter({ name, label, choices }: { name: string; label: string; choices: Record<string, string> }) {
  const [url, setUrl] = useUrl();
  return (
    <Select aria-label={label} value={url[name] ?? ""} onChange={(event) => setUrl({ [name]: event.target.value, after: undefined })} className="w-auto! max-w-full">
      <option value="">{label}: all</option>
      {Object.entries(choices).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </Select>
  );
}
