import { useEffect, useRef, useState } from "react";
import type { Model } from "~/api/types";
import { Badge, type Mood } from "~/ui/badge";
import { Bar } from "~/ui/bar";
import { size, span } from "~/ui/format";

const MOODS: Record<Model["state"], Mood> = { pulling: "info", loading: "info", ready: "ok", failed: "bad", stopped: "off" };
const WORDS: Record<Model["state"], string> = { pulling: "Downloading", loading: "Loading", ready: "Ready", failed: "Failed", stopped: "Stopped" };

/** The state of a model in a word; and what is known of how far it is, or why. */
export function ModelState({ model }: { model: Model }) {
  const { state, reason, pulled } = model;
  return (
    <div className="flex flex-col gap-1.5">
      <Badge mood={MOODS[state]}>{WORDS[state]}</Badge>
      {state === "pulling" && pulled && <Download received={pulled.received_bytes} total={pulled.total_bytes} stage={pulled.stage} />}
      {reason && state !== "ready" && <p className="max-w-prose text-xs break-words text-muted">{reason}</p>}
    </div>
  );
}

function Download({ received, total, stage }: { received: number; total: number; stage: string }) {
  const rate = useRate(received);
  const left = rate > 0 && total > 0 ? `, ${span((1000 * (total - received)) / rate)} left` : "";
  const said = stage === "verifying" ? "Checking the file" : `${size(received)}${total > 0 ? ` of ${size(total)}` : ""}${rate > 0 ? `, ${size(rate)}/s` : ""}${left}`;
  return (
    <div className="flex w-64 max-w-full flex-col gap-1">
      <Bar parts={[{ name: "received", value: received, colour: "accent" }]} total={total || received} label={said} />
      <p className="text-xs text-muted tabular-nums">{said}</p>
    </div>
  );
}

/** Bytes a second, from how the number grew between two looks. */
function useRate(received: number): number {
  const before = useRef<{ at: number; received: number } | null>(null);
  const [rate, setRate] = useState(0);
  useEffect(() => {
    const now = performance.now();
    const last = before.current;
    if (last && received > last.received && now > last.at) {
      const seen = (1000 * (received - last.received)) / (now - last.at);
      setRate((smooth) => (smooth > 0 ? 0.7 * smooth + 0.3 * seen : seen));
    }
    before.current = { at: now, received };
  }, [received]);
  return rate;
}
