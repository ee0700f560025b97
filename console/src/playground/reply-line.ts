import type { Reply } from "~/playground/conversation";
import { count, span, speed } from "~/ui/format";

/** `queue 12 ms · TTFT 130 ms · 500 tok/s · 2,000 out / 48 in · stop`: what the server counted, and nothing that it did not. */
export function replyLine({ numbers, finish }: Pick<Reply, "numbers" | "finish">): string {
  if (!numbers) return "";
  const cached = numbers.cached > 0 ? ` (${count(numbers.cached)} cached)` : "";
  const parts = [
    numbers.queue !== null && `queue ${span(numbers.queue)}`,
    numbers.ttft !== null && `TTFT ${span(numbers.ttft)}`,
    numbers.speed !== null && `${speed(numbers.speed)} tok/s`,
    `${count(numbers.out)} out / ${count(numbers.in)} in${cached}`,
    finish,
  ];
  return parts.filter(Boolean).join(" · ");
}
