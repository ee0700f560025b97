/**
 * Looks through a batch's input as the server does (src/penstock/batches/lines.py): a line ends with LF and with nothing
 * else, a CR before it, a byte order mark and a missing last end are accepted, blank lines are passed over and counted.
 */
import { duplicateKey } from "~/batch/duplicate-key";

export const MOST_LINES = 50_000;
export const MOST_FAULTS = 100;
export const MOST_BYTES = 200_000_000;
export const ENDPOINTS = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] as const;
const MOST_LINE_BYTES = 16 << 20;
const LONGEST_ID = 512;
const FIELDS = ["custom_id", "method", "url", "body"];
const LF = 10;

export interface Fault {
  /** From 1; null for what is wrong with the file. */
  line: number | null;
  message: string;
}

/** Lines that are well formed and would fail each for itself. */
export interface Doubt {
  message: string;
  count: number;
  /** Of the first such line. */
  line: number;
}

export interface Checked {
  faults: Fault[];
  doubts: Doubt[];
  lines: number;
  endpoint: string | null;
  /** Model → its lines. */
  models: Record<string, number>;
}

class Malformed extends Error {}

export class LineChecker {
  #models: ReadonlySet<string> | null;
  #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #kept: Uint8Array[] = [];
  #size = 0;
  #number = 0;
  #lines = 0;
  #ids = new Map<string, number>();
  #endpoint: string | null = null;
  #faults: Fault[] = [];
  #found = new Map<string, number>();
  #unknown = new Map<string, Doubt>();

  /** `models` are the names that the server serves; null: nobody knows. */
  constructor(models: readonly string[] | null) {
    this.#models = models && new Set(models);
  }

  /** Whether enough is wrong, so that nothing more need be read. */
  get stopped(): boolean {
    return this.#faults.length >= MOST_FAULTS;
  }

  get lines(): number {
    return this.#lines;
  }

  /** The next part of the file; it may be cut anywhere. */
  feed(part: Uint8Array): void {
    let start = 0;
    let end: number;
    while (!this.stopped && (end = part.indexOf(LF, start)) >= 0) {
      this.#keep(part.subarray(start, end));
      this.#end();
      start = end + 1;
    }
    if (!this.stopped) this.#keep(part.slice(start));
  }

  finish(): Checked {
    if (this.#size > 0 && !this.stopped) this.#end();
    if (this.#lines === 0 && !this.stopped) this.#fault(null, "The file has no line in it.");
    if (this.#lines > MOST_LINES) {
      this.#fault(null, `The file has ${this.#lines.toLocaleString("en")} lines, and a batch may have ${MOST_LINES.toLocaleString("en")}.`);
    }
    const doubts = [...this.#unknown.values()].sort((one, other) => other.count - one.count);
    return { faults: this.#faults, doubts, lines: this.#lines, endpoint: this.#endpoint, models: Object.fromEntries(this.#found) };
  }

  #keep(text: Uint8Array): void {
    this.#size += text.length;
    if (this.#size > MOST_LINE_BYTES) this.#kept = [];
    else if (text.length > 0) this.#kept.push(text);
  }

  #end(): void {
    this.#number++;
    const size = this.#size;
    const text = size > MOST_LINE_BYTES ? null : joined(this.#kept);
    this.#kept = [];
    this.#size = 0;
    if (text && blank(text, this.#number === 1)) return;
    this.#lines++;
    if (this.#lines > MOST_LINES) return; // from here on lines are counted only
    try {
      if (!text) throw new Malformed(`A line may have ${MOST_LINE_BYTES.toLocaleString("en")} bytes at most.`);
      this.#look(this.#parse(text));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#fault(this.#number, error.message);
    }
  }

  #fault(line: number | null, message: string): void {
    if (!this.stopped) this.#faults.push({ line, message });
  }

  #parse(bytes: Uint8Array): unknown {
    let text: string;
    try {
      text = this.#decoder.decode(bytes);
    } catch {
      throw new Malformed("The line is not valid UTF-8.");
    }
    if (this.#number === 1) text = text.replace(/^\uFEFF/, "");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new Malformed(`The line is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    const twice = duplicateKey(text, value);
    if (twice !== null) throw new Malformed(`The key "${twice.slice(0, 64)}" stands twice in one JSON object.`);
    return value;
  }

  #look(value: unknown): void {
    if (!isObject(value)) throw new Malformed("A line is a JSON object with custom_id, method, url and body.");
    for (const name of FIELDS) if (!(name in value)) throw new Malformed(`${name} is required.`);
    const other = Object.keys(value).find((name) => !FIELDS.includes(name));
    if (other !== undefined) throw new Malformed(`${other.slice(0, 64)} is not a field of a line.`);
    const id = value["custom_id"];
    if (typeof id !== "string") throw new Malformed("custom_id must be a string.");
    if (id.length === 0 || [...id].length > LONGEST_ID || id.includes("\0")) {
      throw new Malformed(`custom_id must have 1 to ${LONGEST_ID} characters, none of them NUL.`);
    }
    if (value["method"] !== "POST") throw new Malformed("method must be POST.");
    this.#lookAtUrl(value["url"]);
    const body = value["body"];
    if (!isObject(body)) throw new Malformed("body must be a JSON object.");
    if (body["stream"] === true) throw new Malformed("A line of a batch is not streamed: leave stream out.");
    const first = this.#ids.get(id);
    if (first !== undefined) throw new Malformed(`Line ${first} has the same custom_id.`);
    this.#ids.set(id, this.#number);
    this.#lookAtModel(body["model"]);
  }

  #lookAtUrl(url: unknown): void {
    if (this.#endpoint === null) {
      const known = ENDPOINTS.find((one) => one === url);
      if (!known) throw new Malformed(`url must be one of ${ENDPOINTS.join(", ")}.`);
      this.#endpoint = known;
    }
    if (url !== this.#endpoint) throw new Malformed(`url must be the endpoint of the batch, ${this.#endpoint}.`);
  }

  #lookAtModel(model: unknown): void {
    const name = typeof model === "string" ? model.slice(0, 256) : "";
    if (this.#found.has(name) || this.#found.size < 1000) this.#found.set(name, (this.#found.get(name) ?? 0) + 1);
    if (this.#models?.has(name) !== false && name !== "") return;
    const doubt = this.#unknown.get(name);
    if (doubt) doubt.count++;
    else if (this.#unknown.size < MOST_FAULTS) {
      const message = name === "" ? "The body names no model." : `No model is called ${name} here.`;
      this.#unknown.set(name, { message, count: 1, line: this.#number });
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0]) return parts[0];
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Nothing but spaces, tabs and carriage returns, after a byte order mark where the file begins. */
function blank(text: Uint8Array, first: boolean): boolean {
  const from = first && text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}
