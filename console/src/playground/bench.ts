/** The playground's state: one conversation, or two side by side, and the answers that are under way. */
import type { ChatBody, ChatStream } from "~/api/chat";
import { type Column, type Message, type Reply, bodyOf, ended, failed, newReply, received, running, stopped } from "~/playground/conversation";
import { refusalOf } from "~/playground/refusal";

export type Columns = readonly [Column] | readonly [Column, Column];
export type Open = (body: ChatBody, signal: AbortSignal) => Promise<ChatStream>;
/** Runs something once, when the screen is painted next. */
export type NextFrame = (run: () => void) => void;

export const emptyColumn = (name: Column["name"], model = ""): Column => ({ name, model, system: "", parameters: {}, messages: [] });

/** Holds the columns; whoever watches is told at most once a frame while answers stream in. */
export class Bench {
  #columns: Columns;
  readonly #open: Open;
  readonly #nextFrame: NextFrame;
  readonly #watchers = new Set<() => void>();
  readonly #stops = new Map<number, AbortController>();
  /** Events that have come since the last frame, by their reply. */
  readonly #waiting = new Map<number, string[]>();
  #nextId: number;

  constructor(columns: Columns, open: Open, nextFrame: NextFrame) {
    this.#columns = columns;
    this.#open = open;
    this.#nextFrame = nextFrame;
    this.#nextId = 1 + Math.max(0, ...columns.flatMap(({ messages }) => messages.map(({ id }) => id)));
  }

  readonly watch = (tell: () => void): (() => void) => {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  };

  readonly columns = (): Columns => this.#columns;

  set(name: Column["name"], settings: Partial<Pick<Column, "model" | "system" | "parameters">>): void {
    this.#changeColumn(name, (column) => ({ ...column, ...settings }));
  }

  /** A second conversation that begins as the first one stands; or back to one. */
  compare(on: boolean): void {
    const [first] = this.#columns;
    if (!on) this.stop("B");
    this.#show(on ? [first, { ...first, name: "B", messages: first.messages.map((message) => ({ ...message, id: this.#nextId++ })) }] : [first]);
  }

  /** Says `text` to every model; "" asks for an answer to what was said last. */
  send(text: string): void {
    for (const { name } of this.#columns) {
      if (text !== "") {
        const said: Message = { id: this.#nextId++, role: "user", text };
        this.#changeColumn(name, (column) => ({ ...column, messages: [...column.messages, said] }));
      }
      this.#ask(name);
    }
  }

  /** Asks again after this message of the user's, or instead of this answer; what came later goes. */
  again(name: Column["name"], id: number): void {
    this.#changeColumn(name, (column) => {
      const at = column.messages.findIndex((message) => message.id === id);
      const end = column.messages[at]?.role === "user" ? at + 1 : at;
      return { ...column, messages: column.messages.slice(0, end) };
    });
    this.#ask(name);
  }

  edit(name: Column["name"], id: number, text: string): void {
    this.#changeMessage(name, id, (message) =>
      message.role === "user" ? { ...message, text } : { ...message, text, state: "written", finish: null, numbers: null, refusal: null, requestId: null },
    );
  }

  remove(name: Column["name"], id: number): void {
    this.#changeColumn(name, (column) => ({ ...column, messages: column.messages.filter((message) => message.id !== id) }));
  }

  /** A new conversation; models and parameters stay. */
  clear(): void {
    this.stop();
    for (const { name } of this.#columns) this.#changeColumn(name, (column) => ({ ...column, messages: [] }));
  }

  /** Ends the answers that are under way, in one column or in all; what came of them stays. */
  stop(name?: Column["name"]): void {
    for (const column of this.#columns) {
      if (name && column.name !== name) continue;
      for (const { id } of column.messages) this.#stops.get(id)?.abort();
      this.#changeColumn(column.name, (one) => ({ ...one, messages: one.messages.map((message) => (message.role === "user" ? message : stopped(this.#caughtUp(message)))) }));
    }
  }

  #ask(name: Column["name"]): void {
    const column = this.#columns.find((one) => one.name === name);
    if (!column) return;
    const reply = newReply(this.#nextId++, column.model);
    this.#changeColumn(name, (one) => ({ ...one, messages: [...one.messages, reply] }));
    void this.#run(name, reply.id, bodyOf(column));
  }

  async #run(name: Column["name"], id: number, body: ChatBody): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(id, stop);
    const change = (to: (reply: Reply) => Reply) => this.#changeMessage(name, id, (message) => (message.role === "assistant" ? to(this.#caughtUp(message)) : message));
    try {
      const stream = await this.#open(body, stop.signal);
      change((reply) => ({ ...reply, requestId: stream.requestId }));
      for await (const events of stream.events) this.#arrived(name, id, events);
      change(ended);
    } catch (error) {
      change((reply) => (stop.signal.aborted ? stopped(reply) : failed(reply, refusalOf(error, Date.now()))));
    } finally {
      this.#stops.delete(id);
    }
  }

  #arrived(name: Column["name"], id: number, events: string[]): void {
    const waiting = this.#waiting.get(id);
    if (waiting) {
      waiting.push(...events);
      return;
    }
    this.#waiting.set(id, [...events]);
    this.#nextFrame(() => {
      if (this.#waiting.has(id)) this.#changeMessage(name, id, (message) => (message.role === "assistant" ? this.#caughtUp(message) : message));
    });
  }

  /** The reply with everything that has come for it. */
  #caughtUp(reply: Reply): Reply {
    const events = this.#waiting.get(reply.id);
    if (!events) return reply;
    this.#waiting.delete(reply.id);
    return received(reply, events);
  }

  #changeMessage(name: Column["name"], id: number, change: (message: Message) => Message): void {
    this.#changeColumn(name, (column) => ({ ...column, messages: column.messages.map((message) => (message.id === id ? change(message) : message)) }));
  }

  #changeColumn(name: Column["name"], change: (column: Column) => Column): void {
    this.#show(this.#columns.map((column) => (column.name === name ? change(column) : column)) as unknown as Columns);
  }

  #show(columns: Columns): void {
    this.#columns = columns;
    for (const tell of this.#watchers) tell();
  }
}

export const anyRunning = (columns: Columns) => columns.some(({ messages }) => messages.some(running));
