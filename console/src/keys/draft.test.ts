import { describe, expect, test } from "vitest";
import type { Key } from "~/api/types";
import { changesOf, draftOf } from "~/keys/draft";

const key = {
  name: "laptop",
  expires_at: 1_800_000_000,
  scopes: ["inference"],
  models: ["a/b"],
  limits: { requests_per_minute: 5, requests_per_day: 100, models: {} },
} as unknown as Key;

describe("changesOf", () => {
  test("sends nothing but the name for a key as usual", () => {
    expect(changesOf({ ...draftOf(), name: "new" })).toEqual({ name: "new" });
  });

  test("sends nothing where nothing changed", () => {
    expect(changesOf(draftOf(key), key)).toEqual({});
  });

  test("sends what changed, and keeps the limits that the form does not have", () => {
    const draft = draftOf(key);
    const figures = { ...draft.figures, requests_per_minute: "", monthly_budget: "2.5" };
    expect(changesOf({ ...draft, expires: "", models: "", scopes: ["batch", "inference"], figures }, key)).toEqual({
      expires_at: null,
      models: null,
      scopes: ["inference", "batch"],
      limits: { requests_per_day: 100, models: {}, monthly_budget: 2.5 },
    });
  });

  test("takes models with commas or spaces between them", () => {
    expect(changesOf({ ...draftOf(), name: "n", models: " a/b, c/d\ne " })).toEqual({ name: "n", models: ["a/b", "c/d", "e"] });
  });
});
