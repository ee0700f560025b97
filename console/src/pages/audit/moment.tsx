import { Input } from "~/ui/field";
import { useUrl } from "~/ui/pages";

/** A moment in the URL (seconds since 1970), typed as a date and a time of this browser's zone. */
export function Moment({ name, label }: { name: string; label: string }) {
  const [url, setUrl] = useUrl();
  const at = Number(url[name]);
  const change = (text: string) => {
    const seconds = Math.floor(new Date(text).getTime() / 1000);
    setUrl({ [name]: Number.isFinite(seconds) && seconds >= 0 ? String(seconds) : undefined, after: undefined });
  };
  return (
    <label className="inline-flex items-center gap-2 text-muted">
      {label}
      <Input type="datetime-local" className="w-auto!" value={url[name] && Number.isFinite(at) ? local(at) : ""} onChange={(event) => change(event.target.value)} />
    </label>
  );
}

/** 2026-11-26T08:30, as the control wants it. */
function local(seconds: number): string {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
