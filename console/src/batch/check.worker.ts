import { LineChecker } from "~/batch/check-lines";
import type { Answer, Question } from "~/batch/check-file";

const PART_BYTES = 1 << 20;

/** Reads one file part by part, so that neither the page nor the memory feels its size. */
self.onmessage = async ({ data }: MessageEvent<Question>) => {
  const tell = (answer: Answer) => self.postMessage(answer);
  try {
    const checker = new LineChecker(data.models);
    for (let at = 0; at < data.file.size && !checker.stopped; at += PART_BYTES) {
      checker.feed(new Uint8Array(await data.file.slice(at, at + PART_BYTES).arrayBuffer()));
      tell({ read: Math.min(at + PART_BYTES, data.file.size), lines: checker.lines });
    }
    tell({ checked: checker.finish() });
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
  }
};
