/** A line of a batch as a conversation of the playground, and whatever of it has no place there. */
import type { BatchLine } from "~/api/types";
import { type Column, type Counted, type Message, type Reply, newReply, numbersOf } from "~/playground/conversation";
import { NUMBERS, type Parameters } from "~/playground/parameters";
import type { Refusal } from "~/playground/refusal";

/** Something of the line that is not shown: `tools`, `messages[2].content[1]`, `response.choices[1]`. */
export interface Left {
  where: string;
  value: unknown;
}

export interface Opened {
  /** null where the line asks for what no conversation is: embeddings, or many prompts at once. */
  column: Column | null;
  left: Left[];
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const textOr = (value: unknown): string | null => (typeof value === "string" ? value : null);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
const itemsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What the playground makes of a line: its messages and parameters, and its answer or error where there is one. */
export function opened(line: BatchLine): Opened {
  const left: Left[] = [];
  const body: Fields = line.body;
  const said = line.url === "/v1/chat/completions" ? chat(body, left) : line.url === "/v1/completions" ? prompt(body) : null;
  if (!said) return { column: null, left };
  const model = textOr(body["model"]) ?? "";
  const reply = answerOf(line, said.messages.length + 1, model, left);
  const messages = reply ? [...said.messages, reply] : said.messages;
  return { column: { name: "A", model, system: said.system, parameters: parametersOf(body, left), messages }, left };
}

interface Conversation {
  system: string;
  messages: Message[];
}

/** A raw prompt is one message here; the note above says that the chat's template comes around it. */
function prompt(body: Fields): Conversation | null {
  const text = textOr(body["prompt"]);
  return text === null ? null : { system: "", messages: [{ id: 1, role: "user", text }] };
}

function chat(body: Fields, left: Left[]): Conversation {
  const messages: Message[] = [];
  let system = "";
  for (const [at, given] of itemsOf(body["messages"]).entries()) {
    const where = `messages[${at}]`;
    const { role, content, reasoning_content, reasoning, ...others } = fieldsOf(given);
    const aside: Left[] = [];
    const text = textOfContent(content, `${where}.content`, aside);
    const thought = textOr(reasoning_content) ?? textOr(reasoning) ?? "";
    const first = at === 0 && (role === "system" || role === "developer");
    if (text === "" || !(first || role === "user" || role === "assistant")) {
      left.push({ where, value: given });
      continue;
    }
    left.push(...aside, ...named(others, where));
    if (first) system = text;
    else if (role === "user") messages.push({ id: messages.length + 1, role: "user", text });
    else messages.push({ ...newReply(messages.length + 1, textOr(body["model"]) ?? ""), state: "written", text, reasoning: thought });
  }
  return { system, messages };
}

/** The text of a message, its parts joined as the server joins them; the other parts are left out. */
function textOfContent(content: unknown, where: string, left: Left[]): string {
  if (typeof content === "string") return content;
  let text = "";
  for (const [at, part] of itemsOf(content).entries()) {
    const { type, text: own, refusal } = fieldsOf(part);
    const piece = type === "text" ? textOr(own) : type === "refusal" ? textOr(refusal) : null;
    if (piece === null) left.push({ where: `${where}[${at}]`, value: part });
    else text += piece;
  }
  return text;
}

/** null says nothing anywhere in the API, and neither does a list that is empty. */
const saysNothing = (value: unknown) => value === null || value === undefined || (Array.isArray(value) && value.length === 0);

const named = (fields: Fields, where: string): Left[] =>
  Object.entries(fields).flatMap(([name, value]) => (saysNothing(value) ? [] : [{ where: `${where}.${name}`, value }]));

const IS_NUMBER = new Set<string>(NUMBERS.map(({ name }) => name));
/** Said elsewhere, or what the playground does anyway. */
const TAKEN = new Set(["model", "messages", "prompt"]);

function parametersOf(body: Fields, left: Left[]): Parameters {
  const parameters: Fields = {};
  for (const [given, value] of Object.entries(body)) {
    if (saysNothing(value) || TAKEN.has(given) || (given === "stream" && value === false) || (given === "n" && value === 1)) continue;
    // The older name; the server takes both where they are alike.
    const name = given === "max_tokens" ? "max_completion_tokens" : given;
    const stops = typeof value === "string" ? [value] : value;
    if (IS_NUMBER.has(name) && isNumber(name, value)) parameters[name] = value;
    else if (name === "stop" && Array.isArray(stops) && stops.every((stop) => typeof stop === "string")) parameters["stop"] = stops;
    else left.push({ where: given, value });
  }
  return parameters;
}

/** Out of bounds it is shown all the same: that may be why the line failed. A seed that JavaScript would round is not. */
const isNumber = (name: string, value: unknown) => typeof value === "number" && (name !== "seed" || Number.isSafeInteger(value));

function answerOf(line: BatchLine, id: number, model: string, left: Left[]): Reply | null {
  const { response, error } = line;
  const empty = newReply(id, model);
  if (error) return { ...empty, state: "refused", refusal: { status: 0, code: error.code, param: null, message: error.message, requestId: null, retryAt: null } };
  if (!response) return null;
  const body: Fields = response.body;
  const requestId = response.request_id;
  if (response.status_code >= 400) return { ...empty, state: "refused", requestId, refusal: refusalOf(fieldsOf(body["error"]), response.status_code, requestId) };
  return { ...empty, ...choiceOf(body, left), state: "done", model: textOr(body["model"]) ?? model, numbers: usageOf(body["usage"]), requestId };
}

const refusalOf = ({ message, code, param }: Fields, status: number, requestId: string): Refusal => ({
  status,
  code: textOr(code),
  param: textOr(param),
  message: textOr(message) ?? `The answer was ${status}.`,
  requestId,
  retryAt: null,
});

function choiceOf(body: Fields, left: Left[]): Pick<Reply, "text" | "reasoning" | "finish"> {
  const [first, ...more] = itemsOf(body["choices"]);
  left.push(...more.map((value, at) => ({ where: `response.choices[${at + 1}]`, value })));
  const { index: _index, text, message, finish_reason, ...others } = fieldsOf(first);
  const { role: _role, content, reasoning_content, reasoning, ...unshown } = fieldsOf(message);
  left.push(...named(others, "response.choices[0]"), ...named(unshown, "response.choices[0].message"));
  return { text: textOr(content) ?? textOr(text) ?? "", reasoning: textOr(reasoning_content) ?? textOr(reasoning) ?? "", finish: textOr(finish_reason) };
}

/** The times of a line are in its row under Requests. */
const usageOf = (usage: unknown) => (isFields(usage) ? numbersOf(usage as unknown as Counted, undefined) : null);
