/** A streamed answer of a model, asked for by the session that is signed in. */
import { send } from "~/api/client";
import { EventReader } from "~/api/sse";

/** What /api/chat/completions takes; the server checks it. */
export type ChatBody = Record<string, unknown>;

export interface ChatStream {
  requestId: string | null;
  /** The data of the events, as many at a time as came together. Ends with the connection, and throws where that breaks. */
  events: AsyncIterable<string[]>;
}

/** Begins a streamed answer; `signal` ends it, and frees the model for others. Throws ApiError or Offline. */
export async function openChat(body: ChatBody, signal: AbortSignal): Promise<ChatStream> {
  const asked = { ...body, stream: true, stream_options: { include_usage: true } };
  const answer = await send("POST", "/api/chat/completions", {
    body: JSON.stringify(asked),
    headers: { "content-type": "application/json" },
    signal,
  });
  return { requestId: answer.headers.get("x-request-id"), events: eventsOf(answer) };
}

async function* eventsOf(answer: Response): AsyncGenerator<string[]> {
  if (!answer.body) return;
  const bytes = answer.body.getReader();
  const reader = new EventReader();
  try {
    for (let part = await bytes.read(); !part.done; part = await bytes.read()) {
      const events = reader.feed(part.value);
      if (events.length > 0) yield events;
    }
  } finally {
    // Whoever stops reading early wants no more of it.
    await bytes.cancel().catch(() => undefined);
  }
}
