import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { api } from "~/api/client";
import type { FileListed, StoredFile } from "~/api/types";
import { DropZone } from "~/files/drop-zone";
import { fileColumns } from "~/files/columns";
import { Sent } from "~/files/sent";
import { useUpload } from "~/files/upload";
import { Confirm } from "~/ui/confirm";
import { Input, Select } from "~/ui/field";
import { Page } from "~/ui/page";
import { useList, useSorting, useUrl } from "~/ui/pages";
import { Empty, Failed, Skeleton } from "~/ui/states";
import { Pager, Table } from "~/ui/table";
import { toast } from "~/ui/toast";

/** What batches read, and what they wrote. */
export default function Files() {
  const [url] = useUrl();
  const sorting = useSorting("-created_at");
  const filters = { purpose: url["purpose"], search: url["search"], sort: sorting.by };
  const list = useList<FileListed>("/api/files", filters);
  const [deleting, setDeleting] = useState<FileListed | null>(null);
  const done = useCallback((file: StoredFile) => toast(`${file.filename} is uploaded.`), []);
  const upload = useUpload(done);
  const filtered = Boolean(filters.purpose || filters.search);
  return (
    <Page title="Files" about="What batches read, and what they wrote.">
      <DropZone onFile={upload.start}>Upload a file, or drop it here</DropZone>
      {upload.sending && <Sent sending={upload.sending} onCancel={upload.cancel} onRetry={() => upload.sending && upload.start(upload.sending.file)} />}
      <Filters />
      {list.error && <Failed what="The files could not be read." error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton rows={6} />}
      {list.rows.length > 0 && <Table label="Files" columns={fileColumns(setDeleting)} rows={list.rows} id={(file) => file.id} sorting={sorting} />}
      {list.data && list.rows.length === 0 && filtered && <Empty>No file is like that.</Empty>}
      {list.data && list.rows.length === 0 && !filtered && (
        <Empty command="penstock files upload FILE">You have no files yet. Upload a file of requests, and start a batch with it.</Empty>
      )}
      <Pager {...list.pager} />
      {deleting && <Delete file={deleting} onClose={() => setDeleting(null)} />}
    </Page>
  );
}

function Filters() {
  const [url, setUrl] = useUrl();
  return (
    <div className="flex flex-wrap gap-2">
      <Input
        type="search"
        aria-label="Search by name"
        placeholder="Search by name"
        className="max-w-64"
        value={url["search"] ?? ""}
        onChange={(event) => setUrl({ search: event.target.value, after: undefined })}
      />
      <Select aria-label="Purpose" className="max-w-44" value={url["purpose"] ?? ""} onChange={(event) => setUrl({ purpose: event.target.value, after: undefined })}>
        <option value="">All purposes</option>
        <option value="batch">Input of batches</option>
        <option value="batch_output">Output of batches</option>
      </Select>
    </div>
  );
}

function Delete({ file, onClose }: { file: FileListed; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/files/${file.id}`),
    onSuccess: () => toast(`${file.filename} is deleted.`),
    onError: (error) => toast(error.message, "bad"),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["/api/files"] });
      onClose();
    },
  });
  return (
    <Confirm title="Delete this file?" action="Delete" busy={remove.isPending} onConfirm={() => remove.mutate()} onClose={onClose}>
      <span className="break-words">{file.filename}</span> is gone for good then. A batch that still reads it is not disturbed.
    </Confirm>
  );
}
