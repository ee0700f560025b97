// openai for Node, the official client, with its own helpers for tools and for structured output.
import { API_KEY, BASE_URL, MODEL, tell } from "./telling.mjs";
import OpenAI, { toFile } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const question = { model: MODEL, messages: [{ role: "user", content: "Name a river." }], max_tokens: 24, seed: 7 };

async function chat() {
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  return { answer: await client.chat.completions.create(question), models };
}

async function stream() {
  const whole = await client.chat.completions.create(question);
  const stream = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
  const pieces = [];
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
  }
  return { whole: whole.choices[0].message.content, pieces, final: await stream.finalChatCompletion() };
}

/** The client's own loop: it asks, calls the function, and asks again with what the function gave. */
async function tools() {
  const asked = [];
  const weather = {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: { type: "object", properties: { city: { enum: ["Oslo", "Lima"] } }, required: ["city"] },
    parse: JSON.parse,
    function: ({ city }) => {
      asked.push(city);
      return `It is sunny in ${city}.`;
    },
  };
  const runner = client.chat.completions.runTools({
    ...question,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }],
    tools: [{ type: "function", function: weather }],
    tool_choice: { type: "function", function: { name: "get_weather" } },
    max_tokens: 48,
    stream: true,
  });
  await runner.done();
  return { asked, roles: runner.messages.map((message) => message.role) };
}

const Person = z.object({ name: z.string().max(12), mood: z.enum(["glad", "calm"]) });
const DESCRIBE = [{ role: "user", content: "Describe a person." }];

async function structured() {
  const response_format = zodResponseFormat(Person, "person");
  const asked = { ...question, messages: DESCRIBE, response_format, max_tokens: 64 };
  return (await client.chat.completions.parse(asked)).choices[0].message.parsed;
}

/** The same by the Responses API, each with what the client makes of it. */
async function responses() {
  const asked = { model: MODEL, input: "Name a river.", max_output_tokens: 24, temperature: 0, store: false };
  const whole = await client.responses.create(asked);
  const stream = client.responses.stream(asked);
  const pieces = [];
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") pieces.push(event.delta);
  }
  const text = { format: zodTextFormat(Person, "person") };
  const described = { ...asked, input: DESCRIBE, text, max_output_tokens: 64 };
  return {
    whole: whole.output_text,
    status: whole.status,
    pieces,
    final: (await stream.finalResponse()).output_text,
    parsed: (await client.responses.parse(described)).output_parsed,
  };
}

async function completions() {
  const asked = { model: MODEL, prompt: "The longest river of Africa is", max_tokens: 8, seed: 7 };
  const whole = await client.completions.create(asked);
  const pieces = [];
  for await (const chunk of await client.completions.create({ ...asked, stream: true })) {
    pieces.push(chunk.choices[0].text);
  }
  return { whole: whole.choices[0].text, pieces };
}

/** A batch from a list to its answers, beside one that is cancelled; with the client's own pages. */
async function batch() {
  const requests = [0, 1, 2, 3].map((number) => ({
    custom_id: `river-${number}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: MODEL, messages: question.messages, max_tokens: number ? 8 : 0 },
  }));
  const lines = requests.map((request) => JSON.stringify(request) + "\n").join("");
  const file = await client.files.create({ file: await toFile(Buffer.from(lines), "rivers.jsonl"), purpose: "batch" });
  const asked = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  const made = await client.batches.create({ ...asked, metadata: { for: "rivers" } });
  const other = await client.batches.create(asked);
  const cancelling = await client.batches.cancel(other.id);
  let over = made;
  while (!["completed", "failed", "expired", "cancelled"].includes(over.status)) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    over = await client.batches.retrieve(made.id);
  }
  const content = async (id) => (await (await client.files.content(id)).text()).trim().split("\n").map(JSON.parse);
  const first = async (pages, count) => {
    const ids = [];
    for await (const each of pages) if (ids.push(each.id) === count) break;
    return ids;
  };
  const listed = await first(client.batches.list({ limit: 1 }), 2);
  const files = await first(client.files.list({ purpose: "batch", limit: 1 }), 1);
  const deleted = await client.files.delete(file.id);
  return {
    file,
    sent: lines.length,
    made,
    cancelling: cancelling.status,
    over,
    answered: await content(over.output_file_id),
    failed: await content(over.error_file_id),
    listed: String(listed) === String([other.id, made.id]),
    files: String(files) === String([file.id]),
    deleted: deleted.deleted,
    gone: await client.files.retrieve(file.id).catch(({ code }) => code),
  };
}

async function errors() {
  const stranger = new OpenAI({ baseURL: BASE_URL, apiKey: "psk_wrong", maxRetries: 0 });
  const raised = ({ constructor, code, param, requestID }) => ({ class: constructor.name, code, param, requestID });
  return [
    await stranger.chat.completions.create(question).catch(raised),
    await client.chat.completions.create({ ...question, model: "gpt-17" }).catch(raised),
    await client.chat.completions.create({ ...question, temperature: 3, stream: true }).catch(raised),
  ];
}

await tell({ chat, stream, tools, structured, responses, completions, batch, errors });
