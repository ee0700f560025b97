import { Link } from "@tanstack/react-router";
import { Download, Play, Trash2 } from "lucide-react";
import type { FileListed } from "~/api/types";
import { IconButton } from "~/ui/button";
import { Id } from "~/ui/copy";
import { Time, middleCut, size } from "~/ui/format";
import type { Column } from "~/ui/table";

const ICON = "inline-flex size-8 shrink-0 items-center justify-center rounded-sm text-muted transition-colors hover:bg-sunk hover:text-text";

export function fileColumns(onDelete: (file: FileListed) => void): Column<FileListed>[] {
  return [
    {
      name: "Name",
      sort: "filename",
      cell: (file) => (
        <div className="flex flex-col">
          <span className="truncate font-medium sm:max-w-64" title={file.filename}>
            {middleCut(file.filename)}
          </span>
          <span className="text-muted">
            <Id id={file.id} what="the file's id" />
          </span>
        </div>
      ),
    },
    { name: "Size", sort: "bytes", number: true, cell: (file) => <span className="whitespace-nowrap">{size(file.bytes)}</span> },
    { name: "Purpose", minor: "column", cell: (file) => (file.purpose === "batch" ? "input" : "output") },
    { name: "Created", sort: "created_at", minor: "column", cell: (file) => <Time at={file.created_at} /> },
    { name: "Expires", sort: "expires_at", minor: "column", cell: (file) => <Time at={file.expires_at} /> },
    { name: "Used by", minor: "column", cell: (file) => <UsedBy file={file} /> },
    { name: "Actions", hideName: true, number: true, cell: (file) => <FileActions file={file} onDelete={() => onDelete(file)} /> },
  ];
}

function UsedBy({ file }: { file: FileListed }) {
  if (file.used_by.length === 0) return <span className="text-muted">none</span>;
  return (
    <span className="flex flex-col gap-0.5">
      {file.used_by.map((id) => (
        <Link key={id} to={"/batch" as string} search={{ id } as never} title={id} className="w-fit font-mono text-xs text-accent underline">
          {`${id.slice(0, 10)}…${id.slice(-5)}`}
        </Link>
      ))}
    </span>
  );
}

function FileActions({ file, onDelete }: { file: FileListed; onDelete: () => void }) {
  return (
    <span className="inline-flex items-center gap-1">
      {file.purpose === "batch" && (
        <Link to={"/batch" as string} search={{ new: file.id } as never} aria-label={`Start a batch with ${file.filename}`} title="Start a batch" className={ICON}>
          <Play size={16} aria-hidden />
        </Link>
      )}
      <a href={`/api/files/${file.id}/content`} download aria-label={`Download ${file.filename}`} title="Download" className={ICON}>
        <Download size={16} aria-hidden />
      </a>
      <IconButton icon={Trash2} label={`Delete ${file.filename}`} onClick={onDelete} />
    </span>
  );
}
