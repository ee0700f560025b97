/** What was said, and how an answer grows out of the events of a stream. All of it plain values. */
import type { ChatBody } from "~/api/chat";
import type { Parameters } from "~/playground/parameters";
import type { Refusal } from "~/playground/refusal";

export interface Said {
  id: number;
  role: "user";
  text: string;
}

/** `broken`: the connection ended before the answer did. `written`: somebody has changed the text by hand. */
export type ReplyState = "waiting" | "streaming" | "done" | "stopped" | "broken" | "refused" | "written";

export interface Numbers {
  in: number;
  cached: number;
  out: number;
  reasoning: number;
  /** Milliseconds, from the server; null for what never came. */
  queue: number | null;
  ttft: number | null;
  /** Tokens a second while it was written; null where there are too few to tell. */
  speed: number | null;
}

export interface Reply {
  id: number;
  role: "assistant";
  model: string;
  state: ReplyState;
  text: string;
  reasoning: string;
  /** Why the model ended. */
  finish: string | null;
  numbers: Numbers | null;
  refusal: Refusal | null;
  requestId: string | null;
}

export type Message = Said | Reply;

/** One conversation with one model. */
export interface Column {
  name: "A" | "B";
  model: string;
  system: string;
  parameters: Parameters;
  messages: Message[];
}

export const running = (message: Message) => message.role === "assistant" && (message.state === "waiting" || message.state === "streaming");

export function newReply(id: number, model: string): Reply {
  return { id, role: "assistant", model, state: "waiting", text: "", reasoning: "", finish: null, numbers: null, refusal: null, requestId: null };
}

interface Delta {
  content?: string | null;
  reasoning_content?: string | null;
}

/** The usage of an answer, streamed or whole. */
export interface Counted {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
  completion_tokens_details?: { reasoning_tokens?: number } | null;
}

interface Chunk {
  choices?: { delta: Delta; finish_reason: string | null }[];
  usage?: Counted | null;
  penstock?: { queue_ms: number; ttft_ms: number | null; tokens_per_second: number | null };
  error?: { message: string; code: string | null; param: string | null };
}

/** The reply after these events (the data of each). */
export function received(reply: Reply, events: string[]): Reply {
  const grown: Reply = { ...reply };
  for (const event of events) {
    if (event === "[DONE]") {
      if (running(grown)) grown.state = "done";
      continue;
    }
    const chunk = JSON.parse(event) as Chunk;
    if (chunk.error) {
      const { message, code, param } = chunk.error;
      grown.refusal = { status: 200, message, code, param, requestId: grown.requestId, retryAt: null };
      grown.state = "broken";
    }
    for (const { delta, finish_reason } of chunk.choices ?? []) {
      if (grown.state === "waiting") grown.state = "streaming";
      grown.text += delta.content ?? "";
      grown.reasoning += delta.reasoning_content ?? "";
      grown.finish = finish_reason ?? grown.finish;
    }
    if (chunk.usage) grown.numbers = numbersOf(chunk.usage, chunk.penstock);
  }
  return grown;
}

/** Without `times` it is known what was counted, and not how long it took. */
export function numbersOf(usage: Counted, times: Chunk["penstock"]): Numbers {
  return {
    in: usage.prompt_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
    out: usage.completion_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    queue: times?.queue_ms ?? null,
    ttft: times?.ttft_ms ?? null,
    speed: times?.tokens_per_second ?? null,
  };
}

/** The reply where its stream ended by itself: whole only if the server said so. */
export function ended(reply: Reply): Reply {
  return running(reply) ? { ...reply, state: "broken" } : reply;
}

export function stopped(reply: Reply): Reply {
  return running(reply) ? { ...reply, state: "stopped" } : reply;
}

/** The reply where asking for it was refused, or where the connection broke (no refusal). */
export function failed(reply: Reply, refusal: Refusal | null): Reply {
  if (!running(reply)) return reply;
  if (refusal && reply.state === "waiting") return { ...reply, state: "refused", refusal, requestId: refusal.requestId };
  return { ...reply, state: "broken" };
}

export type Sent = { role: "system" | "user" | "assistant"; content: string };

/** The messages as the API takes them; replies that said nothing are left out. */
export function sent({ system, messages }: Pick<Column, "system" | "messages">): Sent[] {
  const said = messages.filter((message) => message.text !== "").map(({ role, text }): Sent => ({ role, content: text }));
  return system.trim() === "" ? said : [{ role: "system", content: system }, ...said];
}

/** The request for the next answer. */
export function bodyOf(column: Column): ChatBody {
  return { model: column.model, messages: sent(column), ...column.parameters };
}
