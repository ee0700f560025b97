/** Talks to this server's own /api: JSON both ways, the session in a cookie that no script sees. */

/** An answer that says no; `message` is meant for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly requestId: string | null;
  /** Seconds until it is worth another try; null where nobody knows. */
  readonly retryAfter: number | null;

  constructor(status: number, said: { message?: string; code?: string | null; param?: string | null }, headers: Headers) {
    super(said.message ?? `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = said.code ?? null;
    this.param = said.param ?? null;
    this.requestId = headers.get("x-request-id");
    const seconds = Number(headers.get("retry-after"));
    this.retryAfter = seconds > 0 ? seconds : null;
  }
}

/** The server did not answer at all. */
export class Offline extends Error {
  constructor() {
    super("The server does not answer. It may be restarting.");
    this.name = "Offline";
  }
}

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** `path?name=value`, without the names that have no value. */
export function withQuery(path: string, query: Query = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(name, String(one));
  }
  const text = pairs.toString();
  return text ? `${path}?${text}` : path;
}

/** One request; the answer as it came. Throws ApiError or Offline. */
export async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, method, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Offline();
  }
  if (!answer.ok) throw await refused(answer);
  return answer;
}

async function refused(answer: Response): Promise<ApiError> {
  try {
    const body: unknown = await answer.json();
    if (typeof body === "object" && body !== null && "error" in body) {
      return new ApiError(answer.status, body.error as object, answer.headers);
    }
  } catch {
    // Not our own words: a proxy's, perhaps.
  }
  return new ApiError(answer.status, {}, answer.headers);
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await send(method, path, init);
  return (await answer.json()) as T;
}

export const api = {
  get: <T>(path: string, query?: Query) => json<T>("GET", withQuery(path, query)),
  post: <T>(path: string, body?: unknown) => json<T>("POST", path, body),
  put: <T>(path: string, body: unknown) => json<T>("PUT", path, body),
  patch: <T>(path: string, body: unknown) => json<T>("PATCH", path, body),
  delete: <T>(path: string) => json<T>("DELETE", path),
};
