import { useEffect, useState } from "react";
import type { Batch } from "~/api/types";
import { isOver } from "~/batch/state";

/** So far back it is counted, in seconds: short enough to follow a change, long enough not to jump. */
const WINDOW = 30;

interface Sample {
  at: number;
  done: number;
}

/** The samples of the window, with this one at their end. */
export function sampled(before: Sample[], now: Sample): Sample[] {
  const last = before.at(-1);
  if (last && now.done < last.done) return [now];
  return [...before.filter(({ at }) => now.at - at <= WINDOW), now];
}

/** Lines a second between the first and the last sample; null where there is not enough to tell. */
export function rateOf(samples: Sample[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < 2) return null;
  return (last.done - first.done) / (last.at - first.at);
}

/** How fast a batch goes, in lines a second: while it is watched, and before that since it began. */
export function useRate(batch: Batch, updatedAt: number): number | null {
  const [samples, setSamples] = useState<Sample[]>([]);
  const done = batch.request_counts.completed + batch.request_counts.failed;
  useEffect(() => setSamples((before) => sampled(before, { at: updatedAt / 1000, done })), [updatedAt, done]);
  if (isOver(batch) || batch.in_progress_at === null) return null;
  const watched = rateOf(samples);
  if (watched !== null) return watched;
  const took = updatedAt / 1000 - batch.in_progress_at;
  return took >= 2 && done > 0 ? done / took : null;
}
