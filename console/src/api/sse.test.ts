import { describe, expect, test } from "vitest";
import { EventReader } from "~/api/sse";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("EventReader", () => {
  test("gives the data of each whole event", () => {
    expect(new EventReader().feed(bytes('data: {"a":1}\n\ndata: [DONE]\n\n'))).toEqual(['{"a":1}', "[DONE]"]);
  });

  test("does not care where the bytes are cut, not even inside a character", () => {
    const whole = bytes("data: grüße 🌊\n\n: ping\n\ndata: two\ndata: lines\r\n\r\n");
    for (let cut = 0; cut <= whole.length; cut++) {
      const reader = new EventReader();
      const events = [...reader.feed(whole.slice(0, cut)), ...reader.feed(whole.slice(cut))];
      expect(events).toEqual(["grüße 🌊", "two\nlines"]);
    }
  });

  test("passes comments over, and keeps an event that is not whole", () => {
    const reader = new EventReader();
    expect(reader.feed(bytes(": ping\n\ndata: late"))).toEqual([]);
    expect(reader.feed(bytes("r\n\n"))).toEqual(["later"]);
  });
});
