import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import type { Batch, BatchLinePlace } from "~/api/types";
import { Button } from "~/ui/button";
import { Field, Input, Select } from "~/ui/field";
import { Panel } from "~/ui/page";

type By = "line" | "custom_id";

/** The way from a batch to single lines of it: one to be opened in the playground, or all of them as requests. */
export function Lines({ batch }: { batch: Batch }) {
  const [by, setBy] = useState<By>("line");
  const [wanted, setWanted] = useState("");
  const navigate = useNavigate();
  const open = useMutation({
    mutationFn: async () => (by === "line" ? Number(wanted) : (await api.get<BatchLinePlace>(`/api/batches/${batch.id}/lines`, { custom_id: wanted })).line),
    onSuccess: (line) => navigate({ to: "/playground", search: { batch: batch.id, line } as never }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    open.mutate();
  };
  const ready = by === "line" ? /^[1-9]\d{0,8}$/.test(wanted) : wanted !== "";
  return (
    <Panel
      title="Lines"
      actions={
        <Link to="/requests" search={{ tab: "history", batch_id: batch.id }} className="text-accent underline">
          Its requests
        </Link>
      }
    >
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <Field label="Find a line by">
          <Select value={by} onChange={(event) => (setBy(event.target.value as By), open.reset())}>
            <option value="line">its number</option>
            <option value="custom_id">its custom_id</option>
          </Select>
        </Field>
        <Field label={by === "line" ? "Line number" : "custom_id"} error={open.error?.message}>
          <Input value={wanted} inputMode={by === "line" ? "numeric" : undefined} spellCheck={false} maxLength={512} onChange={(event) => (setWanted(event.target.value), open.reset())} />
        </Field>
        <Button type="submit" disabled={!ready} busy={open.isPending}>
          Open in the Playground
        </Button>
      </form>
    </Panel>
  );
}
