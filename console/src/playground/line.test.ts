import { describe, expect, test } from "vitest";
import type { BatchLine } from "~/api/types";
import { bodyOf } from "~/playground/conversation";
import { opened } from "~/playground/line";

const USER = { role: "user", content: "Hi" };

/** As the server gives it; what is in its bodies no type knows. */
function line(body: object, more: object = {}): BatchLine {
  const given: object = { object: "batch_line", line: 3, custom_id: "r2", url: "/v1/chat/completions", body: { model: "echo", ...body }, state: "waiting", response: null, error: null, ...more };
  return given as BatchLine;
}

const choice = (message: object, more: object = {}) => ({ index: 0, finish_reason: "stop", stop_reason: null, logprobs: null, message: { role: "assistant", tool_calls: [], refusal: null, ...message }, ...more });

const answer = (...choices: object[]) => ({
  state: "done",
  response: { status_code: 200, request_id: "req_1", body: { id: "x", model: "echo", choices, usage: { prompt_tokens: 3, completion_tokens: 2 } } },
});

const wheres = (of: BatchLine) => opened(of).left.map(({ where }) => where);

describe("the request of a line", () => {
  test("that the playground has a place for all of is sent again as it was", () => {
    const body = { messages: [{ role: "system", content: "Be brief." }, USER, { role: "assistant", content: "Hello" }, USER], temperature: 0, top_p: 0.5, max_completion_tokens: 9, seed: 7, stop: ["\n"], top_k: 3 };
    const { column, left } = opened(line(body));
    expect(left).toEqual([]);
    expect(column && bodyOf(column)).toEqual({ model: "echo", ...body });
  });

  test("may say things in an older or a longer way", () => {
    const parts = [{ type: "text", text: "H" }, { type: "text", text: "i" }];
    const { column, left } = opened(line({ messages: [{ role: "developer", content: "Be brief." }, { role: "user", content: parts, name: null }], max_tokens: 9, stop: "END", n: 1, stream: false, tools: [], user: null }));
    expect(left).toEqual([]);
    expect(column).toMatchObject({ system: "Be brief.", messages: [{ role: "user", text: "Hi" }], parameters: { max_completion_tokens: 9, stop: ["END"] } });
  });

  test("keeps a number that is out of bounds: it may be why the line failed", () => {
    expect(opened(line({ messages: [USER], temperature: 9 })).column?.parameters).toEqual({ temperature: 9 });
  });

  test("has a name for everything that is left out", () => {
    const image = { type: "image_url", image_url: { url: "data:," } };
    const body = {
      messages: [
        { role: "user", content: [{ type: "text", text: "What is this?" }, image], name: "ann" },
        { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
        { role: "tool", content: "4", tool_call_id: "1" },
        { role: "system", content: "And be kind." },
        { role: "assistant", content: "So", tool_calls: [{ id: "2" }] },
      ],
      tools: [{ type: "function" }],
      response_format: { type: "json_object" },
      n: 2,
      logprobs: true,
      seed: 2 ** 60,
      temperature: "hot",
      stop: [1],
    };
    expect(wheres(line(body))).toEqual([
      "messages[0].content[1]", "messages[0].name", "messages[1]", "messages[2]", "messages[3]", "messages[4].tool_calls",
      "tools", "response_format", "n", "logprobs", "seed", "temperature", "stop",
    ]);
    const { column, left } = opened(line(body));
    expect(left[0]?.value).toEqual(image);
    expect(column?.messages).toMatchObject([{ text: "What is this?" }, { text: "So", state: "written" }]);
  });

  test("that is not well formed is left out and not believed", () => {
    expect(wheres(line({ messages: ["Hi", null, { role: "user" }] }))).toEqual(["messages[0]", "messages[1]", "messages[2]"]);
    expect(opened(line({ messages: "Hi", model: 5 })).column).toMatchObject({ model: "", messages: [] });
  });

  test("is a conversation only where it asks for one", () => {
    expect(opened(line({ prompt: "Once" }, { url: "/v1/completions" })).column?.messages).toMatchObject([{ role: "user", text: "Once" }]);
    expect(opened(line({ prompt: ["a", "b"] }, { url: "/v1/completions" })).column).toBeNull();
    expect(opened(line({ input: "a" }, { url: "/v1/embeddings" })).column).toBeNull();
  });
});

describe("what came of a line", () => {
  test("is the last message, with what the server counted", () => {
    const { column, left } = opened(line({ messages: [USER] }, answer(choice({ content: "Hello", reasoning_content: "hm" }))));
    expect(left).toEqual([]);
    expect(column?.messages[1]).toMatchObject({ id: 2, state: "done", text: "Hello", reasoning: "hm", finish: "stop", requestId: "req_1", numbers: { in: 3, out: 2, queue: null, speed: null } });
  });

  test("of which calls, further choices and probabilities are left out by name", () => {
    const called = choice({ content: null, tool_calls: [{ id: "1" }] }, { logprobs: { content: [] }, stop_reason: "END" });
    const more = answer(called, choice({ content: "Or" }, { index: 1 }));
    expect(wheres(line({ messages: [USER] }, more))).toEqual(["response.choices[1]", "response.choices[0].stop_reason", "response.choices[0].logprobs", "response.choices[0].message.tool_calls"]);
  });

  test("may be the text of a raw prompt", () => {
    const body = { model: "echo", choices: [{ index: 0, text: " upon", finish_reason: "length" }], usage: { prompt_tokens: 1, completion_tokens: 1 } };
    const done = { url: "/v1/completions", state: "done", response: { status_code: 200, request_id: "req_1", body } };
    expect(opened(line({ prompt: "Once" }, done)).column?.messages[1]).toMatchObject({ text: " upon", finish: "length", state: "done" });
  });

  test("may be an error of the API", () => {
    const error = { message: "Too hot.", type: "invalid_request_error", param: "temperature", code: "invalid_value" };
    const refused = { state: "done", response: { status_code: 400, request_id: "req_1", body: { error } } };
    expect(opened(line({ messages: [USER] }, refused)).column?.messages[1]).toMatchObject({ state: "refused", refusal: { status: 400, message: "Too hot.", param: "temperature", code: "invalid_value", requestId: "req_1" } });
  });

  test("may be that it never ran", () => {
    const dropped = { state: "done", error: { code: "batch_cancelled", message: "The batch was cancelled." } };
    expect(opened(line({ messages: [USER] }, dropped)).column?.messages[1]).toMatchObject({ state: "refused", refusal: { status: 0, code: "batch_cancelled" } });
    expect(opened(line({ messages: [USER] })).column?.messages).toHaveLength(1);
  });
});
