// Anthropic's official client for Node, with its own helpers for streams, functions and objects.
import { API_KEY, BASE_URL, MODEL, tell } from "./telling.mjs";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";

const connect = (apiKey) => new Anthropic({ baseURL: BASE_URL.replace(/\/v1$/, ""), apiKey, maxRetries: 0 });
const client = connect(API_KEY);
const says = (content) => [{ role: "user", content }];
const question = { model: MODEL, messages: says("Name a river."), max_tokens: 24, temperature: 0 };

async function chat() {
  const { model, messages } = question;
  const { input_tokens } = await client.messages.countTokens({ model, messages });
  return { answer: await client.messages.create(question), counted: input_tokens };
}

async function stream() {
  const whole = await client.messages.create(question);
  const pieces = [];
  const stream = client.messages.stream(question).on("text", (piece) => pieces.push(piece));
  return { whole, pieces, final: await stream.finalMessage() };
}

/**
 * The client's own loop: it asks, runs the function, and asks again with what the function gave. It would keep the
 * conversation in a thread on the server, and goes on without one when it is told that there are none.
 */
async function tools() {
  const asked = [];
  const weather = betaZodTool({
    name: "get_weather",
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.enum(["Oslo", "Lima"]) }),
    run: ({ city }) => {
      asked.push(city);
      return `It is sunny in ${city}.`;
    },
  });
  const runner = client.beta.messages.toolRunner({
    ...question,
    messages: says("What is the weather in Oslo?"),
    max_tokens: 48,
    max_iterations: 2,
    tools: [weather],
    tool_choice: { type: "tool", name: "get_weather" },
    stream: true,
  });
  const turns = [];
  for await (const turn of runner) turns.push((await turn.finalMessage()).content.map(({ type }) => type));
  return { asked, turns, roles: runner.params.messages.map(({ role }) => role) };
}

async function structured() {
  const Person = z.object({ name: z.string(), mood: z.enum(["glad", "calm"]) });
  const output_config = { format: zodOutputFormat(Person) };
  const asked = { ...question, messages: says("Describe a person in a word."), max_tokens: 96, output_config };
  return (await client.messages.parse(asked)).parsed_output;
}

async function errors() {
  const raised = ({ constructor, status, type, requestID }) => ({ class: constructor.name, status, type, requestID });
  return [
    await connect("psk_wrong").messages.create(question).catch(raised),
    await client.messages.create({ ...question, model: "gpt-17" }).catch(raised),
    await client.messages.create({ ...question, temperature: 3, stream: true }).catch(raised),
  ];
}

await tell({ chat, stream, tools, structured, errors });
