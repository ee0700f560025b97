import { expect, test } from "vitest";
import { changesOf } from "~/pages/audit/changes";

test("a difference has what it was and what it is, and anything else what it is", () => {
  const details = { plan: { from: "free", to: "core" }, disabled_at: { from: null, to: 0 }, email: "a@b.c", limits: { requests_per_minute: 30, monthly_budget: 5 }, more: {}, scopes: { from: ["a", "b"], to: [] }, nothing: null };
  expect(changesOf(details)).toEqual([
    { name: "plan", from: "free", to: "core" },
    { name: "disabled_at", from: "none", to: expect.stringContaining("1970") },
    { name: "email", from: undefined, to: "a@b.c" },
    { name: "limits", from: undefined, to: "requests per minute 30, monthly budget 5" },
    { name: "scopes", from: "a, b", to: "none" },
  ]);
});
