import { useEffect, useState } from "react";
import { type Checked, MOST_BYTES } from "~/batch/check-lines";
import { size } from "~/ui/format";

export interface Question {
  file: File;
  models: string[] | null;
}

export type Answer = { read: number; lines: number } | { checked: Checked } | { failed: string };

export interface Check {
  read: number;
  lines: number;
  checked?: Checked;
  /** Why the file could not be looked through. */
  failed?: string;
}

const BEGUN: Check = { read: 0, lines: 0 };

/** Looks through `file` in a thread of its own; null: there is none. `models` undefined: they are not known yet. */
export function useCheck(file: File | null, models: string[] | null | undefined): Check | null {
  const [state, setState] = useState<Check>(BEGUN);
  const names = models === undefined ? undefined : JSON.stringify(models);
  useEffect(() => {
    setState(BEGUN);
    if (!file || names === undefined) return;
    if (file.size > MOST_BYTES) {
      const message = `The file has ${size(file.size)}, and may have ${size(MOST_BYTES)}.`;
      setState({ ...BEGUN, checked: { faults: [{ line: null, message }], doubts: [], lines: 0, endpoint: null, models: {} } });
      return;
    }
    const worker = new Worker(new URL("./check.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => setState((before) => ({ ...before, ...data }));
    worker.onerror = () => setState((before) => ({ ...before, failed: "The browser could not look through the file." }));
    worker.postMessage({ file, models: JSON.parse(names) as string[] | null } satisfies Question);
    return () => worker.terminate();
  }, [file, names]);
  return file && state;
}
