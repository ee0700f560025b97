import { expect, test } from "vitest";
import { keepDraft, keptDraft } from "~/playground/keeping";

function tab(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
    get length() {
      return kept.size;
    },
  } as Storage;
}

test("what one was writing is there again, and nobody else's", () => {
  const storage = tab();
  keepDraft("acct_a", "four five", storage);
  expect(keptDraft("acct_a", storage)).toBe("four five");
  expect(keptDraft("acct_b", storage)).toBe("");
  expect(storage.length).toBe(0);
  expect(keptDraft("acct_a", storage)).toBe("");
});

test("a draft that was sent is gone", () => {
  const storage = tab();
  keepDraft("acct_a", "four five", storage);
  keepDraft("acct_a", "", storage);
  expect(storage.length).toBe(0);
});
