import { X } from "lucide-react";
import type { Sending } from "~/files/upload";
import { Bar } from "~/ui/bar";
import { IconButton } from "~/ui/button";
import { size } from "~/ui/format";
import { Failed } from "~/ui/states";

/** How far an upload is, or why it failed. */
export function Sent({ sending, onCancel, onRetry }: { sending: Sending; onCancel: () => void; onRetry: () => void }) {
  const { file, sent, error } = sending;
  if (error) return <Failed what={`${file.name} was not uploaded.`} error={error} retry={onRetry} />;
  const all = sent >= file.size;
  return (
    <div className="flex items-center gap-3">
      <div className="flex min-w-0 flex-1 flex-col gap-1">
        <span className="flex justify-between gap-3 text-xs text-muted tabular-nums">
          <span className="truncate">{all ? "Keeping" : "Sending"} {file.name}</span>
          <span className="shrink-0">
            {size(sent)} of {size(file.size)}
          </span>
        </span>
        <Bar parts={[{ name: "sent", value: sent, colour: "accent" }]} total={file.size} label={`${size(sent)} of ${size(file.size)} sent`} />
      </div>
      <IconButton icon={X} label="Cancel the upload" onClick={onCancel} />
    </div>
  );
}
