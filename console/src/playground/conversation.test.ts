import { describe, expect, test } from "vitest";
import { type Column, bodyOf, ended, failed, newReply, received, stopped } from "~/playground/conversation";
import { replyLine } from "~/playground/reply-line";

const piece = (delta: object, finish_reason: string | null = null) => JSON.stringify({ choices: [{ index: 0, delta, logprobs: null, finish_reason }], usage: null });
const END = JSON.stringify({
  choices: [],
  usage: { prompt_tokens: 48, completion_tokens: 2001, total_tokens: 2049, prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } },
  penstock: { queue_ms: 12.2, ttft_ms: 130, decode_ms: 4000, tokens_per_second: 500 },
});
const fresh = () => newReply(1, "echo");

describe("received", () => {
  test("joins the pieces, and knows the end by [DONE] alone", () => {
    const half = received(fresh(), [piece({ role: "assistant", content: "" }), piece({ content: "Hel" })]);
    expect(half).toMatchObject({ text: "Hel", state: "streaming" });
    const whole = received(half, [piece({ content: "lo" }), piece({}, "stop"), END, "[DONE]"]);
    expect(whole).toMatchObject({ text: "Hello", state: "done", finish: "stop" });
    expect(whole.numbers).toMatchObject({ in: 48, out: 2001, queue: 12.2, ttft: 130, speed: 500 });
  });

  test("keeps reasoning apart", () => {
    expect(received(fresh(), [piece({ reasoning_content: "hm" }), piece({ content: "so" })])).toMatchObject({ reasoning: "hm", text: "so" });
  });

  test("keeps what had come before an error, and takes no later end for a clean one", () => {
    const error = JSON.stringify({ error: { message: "The engine broke off.", type: "server_error", param: null, code: "engine_error" } });
    const reply = received(fresh(), [piece({ content: "Hel" }), error, "[DONE]"]);
    expect(reply).toMatchObject({ text: "Hel", state: "broken", refusal: { message: "The engine broke off.", code: "engine_error" } });
  });

  test("leaves the reply that it was given as it is", () => {
    const before = fresh();
    received(before, [piece({ content: "x" })]);
    expect(before).toEqual(fresh());
  });
});

describe("the end of a reply", () => {
  const half = () => received(fresh(), [piece({ content: "Hel" })]);
  const refusal = { status: 429, code: "rate_limit_exceeded", param: null, message: "Too many.", requestId: "req_1", retryAt: 5 };

  test("is broken where the connection ended without saying so", () => {
    expect(ended(half())).toMatchObject({ state: "broken", text: "Hel" });
    expect(ended(received(half(), ["[DONE]"]))).toMatchObject({ state: "done" });
  });

  test("is what one asked for where one stopped it", () => {
    expect(stopped(half())).toMatchObject({ state: "stopped", text: "Hel" });
    expect(stopped(received(half(), ["[DONE]"]))).toMatchObject({ state: "done" });
  });

  test("is a refusal before the first piece, and broken after it", () => {
    expect(failed(fresh(), refusal)).toMatchObject({ state: "refused", refusal, requestId: "req_1" });
    expect(failed(half(), null)).toMatchObject({ state: "broken", text: "Hel" });
  });
});

test("the line under a reply is what the server counted", () => {
  const reply = received(fresh(), [piece({ content: "x" }, "stop"), END, "[DONE]"]);
  expect(replyLine(reply)).toBe("queue 12 ms · TTFT 130 ms · 500 tok/s · 2,001 out / 48 in · stop");
  expect(replyLine(fresh())).toBe("");
  const short = JSON.parse(END) as { penstock: object };
  const three = received(fresh(), [JSON.stringify({ ...short, penstock: { ...short.penstock, tokens_per_second: null } }), "[DONE]"]);
  expect(replyLine(three)).not.toContain("tok/s");
});

test("the request has the system prompt, what was said, and the parameters that are set", () => {
  const column: Column = {
    name: "A",
    model: "echo",
    system: "Be brief.",
    parameters: { temperature: 0, stop: ["\n"] },
    messages: [{ id: 1, role: "user", text: "Hi" }, { ...fresh(), id: 2 }, { id: 3, role: "user", text: "Still there?" }],
  };
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "user", content: "Still there?" },
  ];
  expect(bodyOf(column)).toEqual({ model: "echo", messages, temperature: 0, stop: ["\n"] });
  expect(bodyOf({ ...column, system: " " })["messages"]).toEqual(messages.slice(1));
});
