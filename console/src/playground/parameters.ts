/** The parameters of a request that the playground offers. One that is not set is not sent: the model's own holds then. */
export interface Parameters {
  temperature?: number;
  top_p?: number;
  max_completion_tokens?: number;
  seed?: number;
  stop?: string[];
  presence_penalty?: number;
  frequency_penalty?: number;
  repetition_penalty?: number;
  top_k?: number;
  min_p?: number;
}

export type NumberName = Exclude<keyof Parameters, "stop">;

export interface NumberParameter {
  name: NumberName;
  label: string;
  hint: string;
  min: number;
  max: number;
  step: number;
  /** Where the slider stands while nothing is set. */
  usual: number;
  /** Chosen by typing alone: its range is too wide for a slider. */
  typed?: boolean;
}

/** Within the server's own bounds (protocol/sampling.py), in the order that they are shown in. */
export const NUMBERS: readonly NumberParameter[] = [
  { name: "temperature", label: "Temperature", hint: "Low: the likeliest words. High: more surprises.", min: 0, max: 2, step: 0.05, usual: 1 },
  { name: "top_p", label: "Top P", hint: "Draws from the likeliest words that make up this share.", min: 0.05, max: 1, step: 0.05, usual: 1 },
  { name: "max_completion_tokens", label: "Max tokens", hint: "Where an answer is cut, at the latest.", min: 1, max: 8192, step: 1, usual: 1024 },
  { name: "seed", label: "Seed", hint: "The same seed, the same answer, as far as the engine can.", min: -(2 ** 53 - 1), max: 2 ** 53 - 1, step: 1, usual: 0, typed: true },
  { name: "presence_penalty", label: "Presence penalty", hint: "Above 0: away from words that have come up.", min: -2, max: 2, step: 0.1, usual: 0 },
  { name: "frequency_penalty", label: "Frequency penalty", hint: "Above 0: away from words, the more often they came up.", min: -2, max: 2, step: 0.1, usual: 0 },
  { name: "repetition_penalty", label: "Repetition penalty", hint: "Above 1: less of what was said already.", min: 0.05, max: 2, step: 0.05, usual: 1 },
  { name: "top_k", label: "Top K", hint: "Draws from so many of the likeliest words.", min: 0, max: 1000, step: 1, usual: 40 },
  { name: "min_p", label: "Min P", hint: "Leaves out words less likely than this share of the likeliest.", min: 0, max: 1, step: 0.01, usual: 0 },
];

export const MAX_STOPS = 4;

/** `parameters` with one of them changed; undefined takes it away. */
export function changed<Name extends keyof Parameters>(parameters: Parameters, name: Name, value: Parameters[Name]): Parameters {
  const to = { ...parameters, [name]: value };
  if (value === undefined) delete to[name];
  return to;
}

/** The number that somebody typed: undefined for nothing at all, null for what the parameter cannot be. */
export function typedNumber(text: string, parameter: NumberParameter): number | undefined | null {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  const whole = parameter.step === 1;
  if (!Number.isFinite(value) || value < parameter.min || value > parameter.max || (whole && !Number.isInteger(value))) return null;
  return value;
}

/** Stop strings out of a text with one on each line, where `\n` stands for a line break; undefined for none. */
export function stopsOf(text: string): string[] | undefined {
  const stops = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replaceAll("\\n", "\n"))
    .slice(0, MAX_STOPS);
  return stops.length > 0 ? stops : undefined;
}

export function stopsShown(stops: string[] | undefined): string {
  return (stops ?? []).map((stop) => stop.replaceAll("\n", "\\n")).join("\n");
}

/** How many of them are set. */
export function countSet(parameters: Parameters): number {
  return Object.values(parameters).filter((value) => value !== undefined).length;
}
