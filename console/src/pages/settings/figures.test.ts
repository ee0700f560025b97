import { describe, expect, test } from "vitest";
import { type Draft, definitionOf, draftOf, isWrong, wrongWith } from "~/pages/settings/figures";

const draft = (figures: Draft["figures"]): Draft => ({ ...draftOf(), figures });

describe("a plan's figures", () => {
  test("come back as they were, whatever is not there staying without limit", () => {
    const definition = { requests_per_minute: 5, monthly_budget: 2.5, priority: "high", description: "d", models: { "org/m": { concurrency: 0 } } };
    expect(definitionOf(draftOf(definition as never))).toEqual(definition);
  });

  test("may be grouped, and are refused where they are no numbers", () => {
    expect(definitionOf(draft({ stored_bytes: "1_000,000 000", context: " " }))).toMatchObject({ stored_bytes: 1e9 });
    for (const text of ["-1", "1.5", "1e3", "ten", "0x10", "99999999999999"]) expect(wrongWith("concurrency", text)).not.toBeNull();
    expect(wrongWith("context", "0")).not.toBeNull();
    expect(wrongWith("concurrency", "0")).toBeNull();
    expect(wrongWith("monthly_budget", "1.5")).toBeNull();
    expect(isWrong(draft({ context: "x" }))).toBe(true);
    expect(isWrong({ ...draftOf(), models: [{ id: " ", figures: {} }] })).toBe(true);
  });
});
