import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import type { UsagePage } from "~/api/types";
import { Narrow, WhichAccount } from "~/usage/filters";
import { useKeys } from "~/usage/data";
import { Button } from "~/ui/button";
import { Field, Input, Select } from "~/ui/field";
import { useUrl } from "~/ui/pages";

type Url = Record<string, string | undefined>;

const NAMES = ["id", "model", "key", "outcome", "error", "status", "batch", "batch_id", "from", "to"] as const;

/** Midnight, where the browser is, of a day in a field; `days` later. */
function moment(text: string | undefined, days = 0): number | undefined {
  const parts = text?.match(/^(\d{4})-(\d\d)-(\d\d)$/);
  if (!parts) return undefined;
  const at = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + days).getTime() / 1000;
  return at >= 0 ? at : undefined;
}

/** The query of /api/requests that the page's URL means. */
export function filtersOf(url: Url) {
  return {
    account: url["account"] || undefined,
    id: url["id"] || undefined,
    model: url["model"] || undefined,
    key: url["key"] || undefined,
    outcome: url["outcome"] || undefined,
    error_code: url["error"] || undefined,
    status: url["status"] || undefined,
    batch: url["batch"] || undefined,
    batch_id: url["batch_id"] || undefined,
    since: moment(url["from"]),
    until: moment(url["to"], 1),
  };
}

export const isFiltered = (url: Url) => NAMES.some((name) => url[name]);

/** What the list is narrowed by; the server does it, and the URL keeps it. */
export function HistoryFilters() {
  const [url, setUrl] = useUrl();
  const set = (name: string) => (event: { target: { value: string } }) => setUrl({ [name]: event.target.value, after: undefined });
  const account = url["account"] || undefined;
  const keys = useKeys(account).data?.data ?? [];
  const models = useModels(account, url["model"] || undefined);
  return (
    <div className="flex flex-wrap items-end gap-3">
      <Choice name="Model" value={url["model"]} onChange={set("model")} options={Object.fromEntries(models.map((id) => [id, id]))} />
      <Choice name="Key" value={url["key"]} onChange={set("key")} options={Object.fromEntries(keys.map((key) => [key.id, key.of_console ? "Console" : key.name]))} />
      <Choice name="Ended" value={url["outcome"]} onChange={set("outcome")} options={{ completed: "Completed", failed: "Failed or refused", aborted: "Client left" }} />
      <Choice name="Kind" value={url["batch"]} onChange={set("batch")} options={{ false: "Real time", true: "Batch lines" }} />
      <Written name="Error code" url="error" />
      <Written name="Request id" url="id" />
      <Written name="Batch id" url="batch_id" />
      <Narrow>
        <Field label="From">
          <Input type="date" value={url["from"] ?? ""} onChange={set("from")} />
        </Field>
      </Narrow>
      <Narrow>
        <Field label="To">
          <Input type="date" value={url["to"] ?? ""} onChange={set("to")} />
        </Field>
      </Narrow>
      <WhichAccount account={account} />
      {isFiltered(url) && (
        <Button look="quiet" onClick={() => setUrl({ ...Object.fromEntries(NAMES.map((name) => [name, undefined])), after: undefined })}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

/** The models that were used in a month, and the one that is chosen. */
function useModels(account: string | undefined, chosen: string | undefined): string[] {
  const { data } = useQuery({
    queryKey: ["/api/usage", "models", account],
    queryFn: () => api.get<UsagePage>("/api/usage", { bucket_width: "1d", limit: 31, group_by: "model", account }),
    staleTime: 60_000,
  });
  const used = (data?.data ?? []).flatMap((bucket) => bucket.results.map((one) => one.model ?? ""));
  return [...new Set([...used, chosen ?? ""])].filter(Boolean).toSorted();
}

function Choice({ name, value, onChange, options }: { name: string; value: string | undefined; onChange: (event: { target: { value: string } }) => void; options: Record<string, string> }) {
  return (
    <Narrow>
      <Field label={name}>
        <Select value={value ?? ""} onChange={onChange}>
          <option value="">All</option>
          {Object.entries(options).map(([option, shown]) => (
            <option key={option} value={option}>
              {shown}
            </option>
          ))}
        </Select>
      </Field>
    </Narrow>
  );
}

/** A filter that is written out; it holds when the field is left, or at Enter. */
function Written({ name, url: param }: { name: string; url: string }) {
  const [url, setUrl] = useUrl();
  const now = url[param] ?? "";
  const [text, setText] = useState<string>();
  const take = () => {
    if (text !== undefined && text.trim() !== now) setUrl({ [param]: text.trim(), after: undefined });
    setText(undefined);
  };
  return (
    <Narrow>
      <Field label={name}>
        <Input value={text ?? now} spellCheck={false} onChange={(event) => setText(event.target.value)} onBlur={take} onKeyDown={(event) => event.key === "Enter" && take()} />
      </Field>
    </Narrow>
  );
}
