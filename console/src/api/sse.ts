/** Server-sent events out of bytes that are cut anywhere (the HTML standard, section 9.2.6; `data` and comments only). */
export class EventReader {
  #decoder = new TextDecoder();
  #rest = "";
  #data: string[] = [];

  /** The data of every event that these bytes complete. */
  feed(bytes: Uint8Array): string[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    const events: string[] = [];
    let end: number;
    while ((end = this.#rest.indexOf("\n")) >= 0) {
      const line = this.#rest.slice(0, end).replace(/\r$/, "");
      this.#rest = this.#rest.slice(end + 1);
      if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      } else if (line === "" && this.#data.length > 0) {
        events.push(this.#data.join("\n"));
        this.#data = [];
      }
    }
    return events;
  }
}
