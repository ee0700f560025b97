import { expect, test } from "vitest";
import { type Checked, LineChecker, MOST_FAULTS, MOST_LINES } from "~/batch/check-lines";

const CHAT = "/v1/chat/completions";
const bytes = (text: string) => new TextEncoder().encode(text);

function line(id: string, more: object = {}, body: object = {}): string {
  return JSON.stringify({ custom_id: id, method: "POST", url: CHAT, body: { model: "echo", messages: [], ...body }, ...more });
}

function check(text: string | Uint8Array, { step = 1 << 20, models = ["echo"] as string[] | null } = {}): Checked {
  const checker = new LineChecker(models);
  const all = typeof text === "string" ? bytes(text) : text;
  for (let at = 0; at < all.length; at += step) checker.feed(all.slice(at, at + step));
  return checker.finish();
}

const told = (checked: Checked) => checked.faults.map((fault) => [fault.line, fault.message]);

test("a good file, wherever it is cut", () => {
  const text = `\uFEFF${line("a")}\r\n\n \t\r\n${line("b", {}, { messages: [{ role: "user", content: "x\u2028y\u2029z\u0085 ü" }] })}`;
  for (const step of [1, 2, 3, 7, 1000]) {
    const checked = check(text, { step });
    expect(checked).toMatchObject({ faults: [], doubts: [], lines: 2, endpoint: CHAT, models: { echo: 2 } });
  }
});

test("lines are numbered as an editor does, blank ones too", () => {
  expect(told(check(`\n\r\n${line("a")}\n{\n${line("a")}\n`))).toEqual([
    [4, expect.stringContaining("The line is not valid JSON")],
    [5, "Line 3 has the same custom_id."],
  ]);
});

test.each([
  ["[]", "A line is a JSON object with custom_id, method, url and body."],
  ['{"custom_id": "a"}', "method is required."],
  [line("a", { colour: 1 }), "colour is not a field of a line."],
  [line("a", { custom_id: 7 }), "custom_id must be a string."],
  [line(""), "custom_id must have 1 to 512 characters, none of them NUL."],
  [line("a", { method: "GET" }), "method must be POST."],
  [line("a", { url: "/v1/models" }), `url must be one of ${CHAT}, /v1/completions, /v1/embeddings.`],
  [line("a", { body: [] }), "body must be a JSON object."],
  [line("a", {}, { stream: true }), "A line of a batch is not streamed: leave stream out."],
  ['{"custom_id": "a", "custom_id": "b"}', 'The key "custom_id" stands twice in one JSON object.'],
])("%s", (text, message) => {
  expect(told(check(text))).toEqual([[1, message]]);
});

test("all urls are the same", () => {
  expect(told(check(`${line("a")}\n${line("b", { url: "/v1/completions" })}`))).toEqual([[2, `url must be the endpoint of the batch, ${CHAT}.`]]);
});

test("what is no UTF-8 is told", () => {
  expect(told(check(new Uint8Array([...bytes(`${line("a")}\n`), 0x22, 0xff, 0x22])))).toEqual([[2, "The line is not valid UTF-8."]]);
});

test("a key in a string is no key", () => {
  expect(check(line("a", {}, { messages: [{ role: "user", content: '"a": 1, "a": 2' }] })).faults).toEqual([]);
});

test("an unknown model is a doubt: its lines fail alone", () => {
  const checked = check([line("a"), line("b", {}, { model: "nobody" }), line("c", {}, { model: "nobody" })].join("\n"));
  expect(checked.faults).toEqual([]);
  expect(checked.doubts).toEqual([{ message: "No model is called nobody here.", count: 2, line: 2 }]);
  expect(check(line("b", {}, { model: "nobody" }), { models: null }).doubts).toEqual([]);
});

test("an empty file has no line", () => {
  expect(told(check("\r\n \n"))).toEqual([[null, "The file has no line in it."]]);
});

test("after a hundred faults it stops", () => {
  const checker = new LineChecker(null);
  checker.feed(bytes("{\n".repeat(500)));
  expect(checker.stopped).toBe(true);
  expect(checker.finish().faults).toHaveLength(MOST_FAULTS);
});

test("too many lines are counted", () => {
  const text = Array.from({ length: MOST_LINES + 1 }, (_, at) => line(`r${at}`)).join("\n");
  expect(told(check(text))).toEqual([[null, "The file has 50,001 lines, and a batch may have 50,000."]]);
});
