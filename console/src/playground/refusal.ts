/** Why there is no answer, or no whole one: what to tell, and what can be done about it. */
import { ApiError, Offline } from "~/api/client";

export interface Refusal {
  /** The HTTP status; 0 where there was no answer at all. */
  status: number;
  code: string | null;
  param: string | null;
  message: string;
  requestId: string | null;
  /** When it is worth another try, in milliseconds since 1970; null where nobody knows, or where no waiting helps. */
  retryAt: number | null;
}

/** A refusal out of what was thrown; null for an error that is none of the server's. */
export function refusalOf(error: unknown, now: number): Refusal | null {
  if (error instanceof ApiError) {
    const { status, code, param, message, requestId, retryAfter } = error;
    return { status, code, param, message, requestId, retryAt: retryAfter === null ? null : now + retryAfter * 1000 };
  }
  if (error instanceof Offline) {
    return { status: 0, code: "offline", param: null, message: error.message, requestId: null, retryAt: null };
  }
  return null;
}

export interface Advice {
  /** What happened, in a few words. */
  title: string;
  /** What to do about it. */
  advice: string;
  /** A page that helps. */
  page?: { path: string; name: string };
}

const LIMITS = { path: "/limits", name: "See your limits" };
const MODELS = { path: "/models", name: "See the models" };

const BY_CODE: Record<string, Advice> = {
  offline: { title: "The server does not answer", advice: "It may be restarting. What you wrote is still here; try again in a moment." },
  insufficient_quota: { title: "The budget of this month is used up", advice: "Waiting does not help: an administrator can raise the budget or the plan.", page: LIMITS },
  model_loading: { title: "The model is loading", advice: "It answers as soon as it is ready.", page: MODELS },
  model_unavailable: { title: "The model does not run", advice: "Somebody has to start it, or choose another one.", page: MODELS },
  server_is_overloaded: { title: "Too much is waiting for this model", advice: "Its queue is full. Nothing is lost: try again when the time is up." },
  service_unavailable: { title: "The server cannot reach its database or its files", advice: "It goes on by itself as soon as it can." },
  context_length_exceeded: { title: "The conversation is too long for this model", advice: "Delete messages, shorten them, or lower Max tokens." },
  model_not_found: { title: "There is no such model", advice: "Choose another one from the list.", page: MODELS },
  engine_error: { title: "The model's engine broke off", advice: "It starts again by itself. Try again in a moment." },
};

const BY_STATUS: Record<number, Advice> = {
  0: { title: "This line of the batch never ran", advice: "Retry asks its model now." },
  400: { title: "The server does not take this request", advice: "Change what it names, or take that away." },
  403: { title: "You may not do this", advice: "The console's key or your account does not allow it.", page: { path: "/apikeys", name: "See your keys" } },
  413: { title: "The conversation is too large", advice: "Delete messages or shorten them." },
};

/** What happened and what to do, in words. */
export function explain({ status, code, param, retryAt }: Refusal): Advice {
  if (status === 429 && code !== "insufficient_quota") {
    return retryAt === null
      ? { title: "This request alone is above a limit", advice: "Waiting does not help: lower Max tokens or shorten the conversation.", page: LIMITS }
      : { title: "A limit is reached", advice: "There is room again when the time is up.", page: LIMITS };
  }
  const advice = (code && BY_CODE[code]) || BY_STATUS[status];
  if (!advice) return { title: "That did not work", advice: "Try again; if it stays like this, the request's id helps to find out why." };
  return status === 400 && param && advice === BY_STATUS[400] ? { ...advice, advice: `Change “${param}”, or take it away.` } : advice;
}
