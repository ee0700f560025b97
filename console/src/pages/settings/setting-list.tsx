import type { Server, Setting } from "~/api/types";
import { Badge, type Mood } from "~/ui/badge";
import { Copy } from "~/ui/copy";
import { type Column, Table } from "~/ui/table";

const ORIGINS: Record<Setting["origin"], [Mood, string]> = { flag: ["info", "Flag"], environment: ["info", "Environment"], file: ["info", "File"], default: ["off", "Default"] };

const COLUMNS: Column<Setting>[] = [
  {
    name: "Setting",
    cell: ({ name, meaning }) => (
      <span className="block min-w-48 py-1 sm:min-w-72">
        <code className="font-mono text-xs">{name}</code>
        <span className="block text-xs text-muted">{meaning.replaceAll("`", "")}</span>
      </span>
    ),
  },
  { name: "Value", cell: ({ value }) => <Value value={value} /> },
  { name: "From", cell: ({ origin }) => <Badge mood={ORIGINS[origin][0]}>{ORIGINS[origin][1]}</Badge> },
  { name: "How to change it", wide: true, cell: (setting) => <Ways setting={setting} /> },
];

/** Every setting as it holds. It is changed where the server is started, and so only shown here. */
export function SettingList({ server }: { server: Server }) {
  return (
    <section className="flex flex-col gap-3">
      <h2 className="font-medium">Settings</h2>
      <p className="text-muted">
        These are read when the server starts. To change one, set its key in {server.file === null ? <code className="font-mono text-xs">penstock.toml</code> : "the settings file"}, or its variable, and start the server again. Flags win over variables, and variables over the file.
      </p>
      <Table label="All settings" columns={COLUMNS} rows={server.settings} id={({ name }) => name} />
    </section>
  );
}

function Value({ value }: { value: unknown }) {
  if (value === "" || value === null) return <span className="text-muted">empty</span>;
  if (Array.isArray(value) ? value.length === 0 : typeof value === "object" && Object.keys(value).length === 0) return <span className="text-muted">none</span>;
  if (typeof value === "object") {
    const strings = Array.isArray(value) && value.every((one) => typeof one === "string");
    return <pre className="max-w-96 font-mono text-xs whitespace-pre-wrap break-words">{strings ? value.join("\n") : JSON.stringify(value, null, 2)}</pre>;
  }
  return <code className="font-mono text-xs break-all">{String(value)}</code>;
}

function Ways({ setting: { name, flag, variable } }: { setting: Setting }) {
  return (
    <span className="flex flex-col items-start py-1 font-mono text-xs text-muted">
      {flag && <span className="whitespace-nowrap">{flag}</span>}
      <span className="inline-flex items-center gap-1 whitespace-nowrap">
        {variable ?? (name === "models" ? "[[models]]" : "[plans.NAME]")}
        <Copy text={variable ?? name} what={`the name of ${name}`} />
      </span>
    </span>
  );
}
