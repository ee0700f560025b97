import { FileUp } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { classes } from "~/ui/class";

/** Takes one file, chosen or dropped. */
export function DropZone({ onFile, children }: { onFile: (file: File) => void; children: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null) => {
    const file = files?.[0];
    if (file) onFile(file);
    if (input.current) input.current.value = ""; // so that the same file can be chosen again, mended
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return (
    <div
      className="relative"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <button
        type="button"
        onClick={() => input.current?.click()}
        className={classes("flex w-full items-center justify-center gap-2 rounded-md border border-dashed border-edge px-4 py-5 text-muted hover:bg-sunk", over && "border-accent bg-tint text-text")}
      >
        <FileUp size={16} aria-hidden />
        {children}
      </button>
      <input ref={input} type="file" accept=".jsonl,.ndjson,.json,.txt,application/jsonl" aria-label="File" className="sr-only" tabIndex={-1} onChange={(event) => take(event.target.files)} />
    </div>
  );
}
