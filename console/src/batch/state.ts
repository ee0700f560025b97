import type { Batch } from "~/api/types";
import type { Mood } from "~/ui/badge";

type Status = Batch["status"];

const OVER: readonly Status[] = ["completed", "failed", "expired", "cancelled"];

export const isOver = (batch: Batch) => OVER.includes(batch.status);
export const canBeCancelled = (batch: Batch) => batch.status === "validating" || batch.status === "in_progress";

export const MOODS: Record<Status, Mood> = {
  validating: "info",
  in_progress: "info",
  finalizing: "info",
  completed: "ok",
  failed: "bad",
  expired: "warn",
  cancelling: "warn",
  cancelled: "off",
};

/** `in_progress` as a person reads it. */
export const word = (status: string) => status.replace("_", " ");

/** What a batch went through, with the moments; those that never came are left out. */
export function moments(batch: Batch): [string, number][] {
  const all: [string, number | null][] = [
    ["Created", batch.created_at],
    ["In progress", batch.in_progress_at],
    ["Finalizing", batch.finalizing_at],
    ["Cancelling", batch.cancelling_at],
    ["Completed", batch.completed_at],
    ["Failed", batch.failed_at],
    ["Expired", batch.expired_at],
    ["Cancelled", batch.cancelled_at],
  ];
  return all.filter((one): one is [string, number] => one[1] !== null);
}
