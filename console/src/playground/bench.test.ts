import { describe, expect, test } from "vitest";
import { ApiError, Offline } from "~/api/client";
import { Bench, type Columns, type Open, anyRunning, emptyColumn } from "~/playground/bench";
import type { Reply } from "~/playground/conversation";
import { OWN, keep, kept } from "~/playground/keeping";

const piece = (content: string) => JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });

/** A stream that a test feeds by hand, and frames that it paints by hand. */
class Line {
  readonly bodies: Record<string, unknown>[] = [];
  readonly frames: (() => void)[] = [];
  #wake: (() => void) | null = null;
  #ready: (string[] | Error | null)[] = [];

  readonly open: Open = async (body, signal) => {
    this.bodies.push(body);
    signal.addEventListener("abort", () => this.give(new DOMException("stopped", "AbortError")));
    return { requestId: "req_1", events: this.#events() };
  };

  async *#events(): AsyncGenerator<string[]> {
    for (;;) {
      while (this.#ready.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      const next = this.#ready.shift();
      if (next instanceof Error) throw next;
      if (!next) return;
      yield next;
    }
  }

  give(next: string[] | Error | null): void {
    this.#ready.push(next);
    this.#wake?.();
  }

  paint(): void {
    for (const run of this.frames.splice(0)) run();
  }

  bench(columns: Columns = [emptyColumn("A", "echo")]): Bench {
    return new Bench(columns, this.open, (run) => this.frames.push(run));
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const last = (bench: Bench, column = 0) => bench.columns()[column]?.messages.at(-1) as Reply;

describe("Bench", () => {
  test("tells of a stream once a frame, however much comes", async () => {
    const line = new Line();
    const bench = line.bench();
    bench.send("Hi");
    await settled();
    let told = 0;
    bench.watch(() => told++);
    for (const word of ["a", "b", "c"]) {
      line.give([piece(word)]);
      await settled();
    }
    expect(told).toBe(0);
    line.paint();
    expect(told).toBe(1);
    expect(last(bench)).toMatchObject({ text: "abc", state: "streaming", requestId: "req_1" });
  });

  test("keeps what came up to a stop, painted or not", async () => {
    const line = new Line();
    const bench = line.bench();
    bench.send("Hi");
    await settled();
    line.give([piece("half")]);
    await settled();
    bench.stop();
    expect(last(bench)).toMatchObject({ text: "half", state: "stopped" });
    await settled();
    expect(last(bench)).toMatchObject({ text: "half", state: "stopped" });
    expect(anyRunning(bench.columns())).toBe(false);
  });

  test("says that a stream broke off, and keeps its text", async () => {
    const line = new Line();
    const bench = line.bench();
    bench.send("Hi");
    line.give([piece("half")]);
    line.give(new TypeError("network error"));
    await settled();
    expect(last(bench)).toMatchObject({ text: "half", state: "broken" });
  });

  test("keeps a refusal with the time to come back", async () => {
    const headers = new Headers({ "retry-after": "7", "x-request-id": "req_9" });
    const refuse: Open = () => Promise.reject(new ApiError(429, { message: "Too many.", code: "rate_limit_exceeded" }, headers));
    const bench = new Bench([emptyColumn("A", "echo")], refuse, (run) => run());
    bench.send("Hi");
    await settled();
    expect(last(bench)).toMatchObject({ state: "refused", refusal: { status: 429, requestId: "req_9" } });
    expect(last(bench).refusal?.retryAt).toBeGreaterThan(Date.now() + 6000);
  });

  test("knows a server that does not answer", async () => {
    const bench = new Bench([emptyColumn("A", "echo")], () => Promise.reject(new Offline()), (run) => run());
    bench.send("Hi");
    await settled();
    expect(last(bench)).toMatchObject({ state: "refused", refusal: { code: "offline" } });
  });

  test("asks both models with one message, and each with its own parameters", async () => {
    const line = new Line();
    const bench = line.bench();
    bench.compare(true);
    bench.set("B", { model: "other", parameters: { temperature: 0 } });
    bench.send("Hi");
    await settled();
    expect(line.bodies).toMatchObject([{ model: "echo" }, { model: "other", temperature: 0 }]);
    bench.compare(false);
    expect(bench.columns()).toHaveLength(1);
  });

  test("asks again in place of an answer, and of all that came after a message", async () => {
    const line = new Line();
    const bench = line.bench([{ ...emptyColumn("A", "echo"), messages: [{ id: 1, role: "user", text: "one" }, { id: 2, role: "user", text: "two" }] }]);
    bench.edit("A", 1, "uno");
    bench.again("A", 1);
    await settled();
    expect(line.bodies[0]).toMatchObject({ messages: [{ role: "user", content: "uno" }] });
    bench.stop();
    bench.again("A", last(bench).id);
    await settled();
    expect(bench.columns()[0].messages).toHaveLength(2);
    expect(line.bodies[1]).toEqual(line.bodies[0]);
    bench.remove("A", 1);
    expect(bench.columns()[0].messages).toHaveLength(1);
  });
});

class Drawer {
  readonly #kept = new Map<string, string>();
  readonly length = 0;
  readonly key = () => null;
  readonly clear = () => this.#kept.clear();
  readonly getItem = (name: string) => this.#kept.get(name) ?? null;
  readonly setItem = (name: string, value: string) => void this.#kept.set(name, value);
  readonly removeItem = (name: string) => void this.#kept.delete(name);
}

test("what is kept is for the account that left it, and has no answer under way", async () => {
  const line = new Line();
  const bench = line.bench();
  bench.send("Hi");
  const drawer = new Drawer();
  keep("acct_1", OWN, bench.columns(), drawer);
  expect(kept("acct_1", OWN, drawer)[0].messages).toMatchObject([{ text: "Hi" }, { state: "stopped" }]);
  expect(kept("acct_2", OWN, drawer)).toEqual([emptyColumn("A")]);
  expect(kept("acct_1", OWN, drawer)).toEqual([emptyColumn("A")]);
});

test("what was opened is kept beside one's own conversation, and only as long as nothing else is opened", () => {
  const drawer = new Drawer();
  const line = (of: string) => ({ of, columns: [emptyColumn("A", of)] as const });
  keep("acct_1", OWN, [emptyColumn("A", "mine")], drawer);
  keep("acct_1", line("batch_1/3"), [emptyColumn("A", "changed")], drawer);
  expect(kept("acct_1", line("batch_1/3"), drawer)).toEqual([emptyColumn("A", "changed")]);
  expect(kept("acct_1", line("batch_1/4"), drawer)).toEqual([emptyColumn("A", "batch_1/4")]);
  expect(kept("acct_1", line("batch_1/3"), drawer)).toEqual([emptyColumn("A", "batch_1/3")]);
  expect(kept("acct_1", OWN, drawer)).toEqual([emptyColumn("A", "mine")]);
});
