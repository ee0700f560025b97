import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import type { Batch, FileListed, List, StoredFile } from "~/api/types";
import { ENDPOINTS } from "~/batch/check-lines";
import { MetadataFields, type Pair, metadataOf } from "~/batch/metadata";
import { NewInput } from "~/batch/new-input";
import { WindowField } from "~/batch/window-field";
import { Button } from "~/ui/button";
import { Actions, Dialog } from "~/ui/dialog";
import { Field, Select } from "~/ui/field";
import { size } from "~/ui/format";
import { Failed } from "~/ui/states";
import { Tab, Tabs } from "~/ui/tabs";

/** Starts the batch, and shows it. */
function useBegin(of: () => object) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => api.post<Batch>("/api/batches", of()),
    onSuccess: (batch) => {
      void client.invalidateQueries({ queryKey: ["/api/batches"] });
      client.setQueryData([`/api/batches/${batch.id}`], batch);
      void navigate({ to: "/batch", search: { id: batch.id } as never });
    },
  });
}

interface Chosen {
  id: string;
  /** Of its lines, where they were looked at. */
  endpoint: string | null;
}

/** Everything that a batch needs; `from` is a file that is there already. */
export function NewBatch({ from, onClose }: { from: string | null; onClose: () => void }) {
  const [source, setSource] = useState(from ? "there" : "new");
  const [uploaded, setUploaded] = useState<Chosen | null>(null);
  const [there, setThere] = useState(from ?? "");
  const [endpoint, setEndpoint] = useState<string>(ENDPOINTS[0]);
  const [window, setWindow] = useState("24h");
  const [pairs, setPairs] = useState<Pair[]>([]);
  const fileId = source === "new" ? uploaded?.id : there;
  const own = source === "new" ? uploaded?.endpoint : null;
  const begin = useBegin(() => ({ input_file_id: fileId, endpoint: own ?? endpoint, completion_window: window, metadata: metadataOf(pairs) }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin.mutate();
  };
  const onUploaded = (file: StoredFile | null, of: string | null) => setUploaded(file && { id: file.id, endpoint: of });
  return (
    <Dialog title="New batch" onClose={onClose} wide>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Tabs label="Where the file is" value={source} onChange={setSource} tabs={{ new: "Upload a file", there: "Choose a file" }}>
          <Tab value="new">
            <NewInput onUploaded={onUploaded} />
          </Tab>
          <Tab value="there">
            <FileChoice value={there} onChange={setThere} />
          </Tab>
        </Tabs>
        <div className="grid gap-4 sm:grid-cols-2">
          <EndpointField own={own ?? null} value={endpoint} onChange={setEndpoint} />
          <WindowField value={window} onChange={setWindow} />
        </div>
        <MetadataFields pairs={pairs} onChange={setPairs} />
        {begin.error && <Failed what="The batch was not started." error={begin.error} />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!fileId || window === ""} busy={begin.isPending}>
            Start batch
          </Button>
        </Actions>
      </form>
    </Dialog>
  );
}

/** `own` is what the lines of the file say. */
function EndpointField({ own, value, onChange }: { own: string | null; value: string; onChange: (endpoint: string) => void }) {
  return (
    <Field label="Endpoint" hint={own ? "As the lines of the file say." : "The url of the lines."}>
      <Select value={own ?? value} disabled={own !== null} onChange={(event) => onChange(event.target.value)}>
        {ENDPOINTS.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </Select>
    </Field>
  );
}

function FileChoice({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const query = { purpose: "batch", limit: 100 };
  const files = useQuery({ queryKey: ["/api/files", query], queryFn: () => api.get<List<FileListed>>("/api/files", query) });
  if (files.error) return <Failed what="The files could not be read." error={files.error} retry={() => void files.refetch()} />;
  const rows = files.data?.data ?? [];
  if (files.data && rows.length === 0) return <p className="text-muted">No file is there yet. Upload one.</p>;
  return (
    <Field label="File" hint={files.data?.has_more ? "The newest 100." : undefined}>
      <Select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{files.isPending ? "Loading…" : "Choose a file"}</option>
        {value && !rows.some((file) => file.id === value) && <option value={value}>{value}</option>}
        {rows.map((file) => (
          <option key={file.id} value={file.id}>
            {file.filename} · {size(file.bytes)} · {file.id.slice(-6)}
          </option>
        ))}
      </Select>
    </Field>
  );
}
