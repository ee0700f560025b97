import { useQuery } from "@tanstack/react-query";
import { Check as Tick, Upload } from "lucide-react";
import { useCallback, useState } from "react";
import { models } from "~/api/models";
import type { StoredFile } from "~/api/types";
import { type Check, useCheck } from "~/batch/check-file";
import { type Checked, MOST_FAULTS } from "~/batch/check-lines";
import { DropZone } from "~/files/drop-zone";
import { Sent } from "~/files/sent";
import { useUpload } from "~/files/upload";
import { Bar } from "~/ui/bar";
import { Button } from "~/ui/button";
import { count, size } from "~/ui/format";

/** Every name of a model here; null where that cannot be known, undefined while it is asked. */
function useModelNames(): string[] | null | undefined {
  const { data, error } = useQuery({ ...models, retry: false, staleTime: 60_000 });
  if (error) return null;
  return data?.flatMap((model) => model.names);
}

/** A file that is looked through before it is sent, and sent when it is good. */
export function NewInput({ onUploaded }: { onUploaded: (file: StoredFile | null, endpoint: string | null) => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [stored, setStored] = useState<StoredFile | null>(null);
  const check = useCheck(file, useModelNames());
  const endpoint = check?.checked?.endpoint ?? null;
  const done = useCallback(
    (made: StoredFile) => {
      setStored(made);
      onUploaded(made, endpoint);
    },
    [onUploaded, endpoint],
  );
  const upload = useUpload(done);
  const choose = (chosen: File) => {
    upload.cancel();
    setStored(null);
    onUploaded(null, null);
    setFile(chosen);
  };
  const good = check?.checked && check.checked.faults.length === 0;
  return (
    <div className="flex flex-col gap-3">
      <DropZone onFile={choose}>{file ? "Another file" : "Choose a file of requests, or drop it here"}</DropZone>
      {file && check && (
        <p className="font-medium break-words">
          {file.name} <span className="font-normal text-muted">{size(file.size)}</span>
        </p>
      )}
      {file && check && <Looked check={check} total={file.size} />}
      {file && good && !stored && !upload.sending && (
        <Button icon={Upload} className="w-fit" onClick={() => upload.start(file)}>
          Upload
        </Button>
      )}
      {upload.sending && <Sent sending={upload.sending} onCancel={upload.cancel} onRetry={() => file && upload.start(file)} />}
      {stored && (
        <p role="status" className="flex items-center gap-1.5 text-ok">
          <Tick size={16} aria-hidden />
          Uploaded
        </p>
      )}
    </div>
  );
}

/** How far the look through the file is, and what it found. */
function Looked({ check, total }: { check: Check; total: number }) {
  if (check.failed) return <p role="alert" className="text-bad">The file could not be looked through: {check.failed}</p>;
  if (!check.checked) {
    return (
      <div className="flex flex-col gap-1">
        <Bar parts={[{ name: "read", value: check.read, colour: "accent" }]} total={total} label={`Checking: ${count(check.lines)} lines`} />
        <p className="text-xs text-muted tabular-nums">Checking, {count(check.lines)} lines so far</p>
      </div>
    );
  }
  return (
    <div role="status" className="flex flex-col gap-2">
      <Verdict checked={check.checked} />
      <Faults checked={check.checked} />
    </div>
  );
}

function Verdict({ checked }: { checked: Checked }) {
  const { faults, doubts, lines, models } = checked;
  if (faults.length > 0) {
    const many = faults.length >= MOST_FAULTS ? `The first ${MOST_FAULTS} mistakes` : faults.length === 1 ? "One mistake" : `${faults.length} mistakes`;
    return <p className="font-medium text-bad">{many}: the batch would fail, and none of it run.</p>;
  }
  const failing = doubts.reduce((sum, doubt) => sum + doubt.count, 0);
  const names = Object.keys(models).filter(Boolean);
  return (
    <>
      <p className={failing > 0 ? "font-medium text-warn" : "font-medium text-ok"}>
        {count(lines)} {lines === 1 ? "line" : "lines"}
        {failing > 0 ? `, of which ${count(failing)} would fail` : ", all in their form"}
      </p>
      {names.length > 0 && <p className="text-xs break-words text-muted">{names.slice(0, 5).join(", ")}{names.length > 5 && ` and ${names.length - 5} more models`}</p>}
    </>
  );
}

function Faults({ checked }: { checked: Checked }) {
  const told = [
    ...checked.faults.map(({ line, message }) => ({ line, message })),
    ...checked.doubts.map(({ line, message, count: lines }) => ({ line, message: lines > 1 ? `${message} ${count(lines)} lines would fail by that.` : message })),
  ];
  if (told.length === 0) return null;
  return (
    <ul tabIndex={0} aria-label="What is wrong" className="max-h-56 overflow-y-auto rounded-sm bg-sunk px-3 py-2 text-xs">
      {told.map(({ line, message }, at) => (
        <li key={at} className="flex gap-3 py-0.5">
          <span className="w-20 shrink-0 text-muted tabular-nums">{line === null ? "file" : `line ${count(line)}`}</span>
          <span className="min-w-0 break-words">{message}</span>
        </li>
      ))}
    </ul>
  );
}
