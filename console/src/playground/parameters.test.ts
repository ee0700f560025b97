import { expect, test } from "vitest";
import { NUMBERS, changed, countSet, stopsOf, stopsShown, typedNumber } from "~/playground/parameters";
import { explain } from "~/playground/refusal";

test("a parameter that is taken away is not sent, not even as nothing", () => {
  const set = changed(changed({}, "temperature", 0), "seed", 7);
  expect(countSet(set)).toBe(2);
  expect(Object.keys(changed(set, "temperature", undefined))).toEqual(["seed"]);
});

test("what somebody types is a number within the bounds, nothing, or wrong", () => {
  const [temperature, , tokens] = NUMBERS;
  if (!temperature || !tokens) throw new Error("they are there");
  expect(typedNumber("0.7", temperature)).toBe(0.7);
  expect(typedNumber(" ", temperature)).toBeUndefined();
  for (const wrong of ["-", "3", "1e999", "x"]) expect(typedNumber(wrong, temperature)).toBeNull();
  expect(typedNumber("1.5", tokens)).toBeNull();
});

test("stop strings are one a line, and can have line breaks in them", () => {
  expect(stopsOf("END\n\n\\n\\n")).toEqual(["END", "\n\n"]);
  expect(stopsShown(["END", "\n\n"])).toBe("END\n\\n\\n");
  expect(stopsOf("\n")).toBeUndefined();
});

const refusal = { status: 429, code: "rate_limit_exceeded", param: null, message: "", requestId: null, retryAt: 1 };

test("every refusal has words of its own, and no waiting is told where it does not help", () => {
  expect(explain(refusal).title).toBe("A limit is reached");
  expect(explain({ ...refusal, retryAt: null }).advice).toContain("does not help");
  expect(explain({ ...refusal, code: "insufficient_quota", retryAt: null }).title).toContain("budget");
  expect(explain({ ...refusal, status: 503, code: "model_loading" }).title).toBe("The model is loading");
  expect(explain({ ...refusal, status: 400, code: "invalid_value", param: "top_k" }).advice).toContain("top_k");
  expect(explain({ ...refusal, status: 500, code: "internal_error" }).title).toBe("That did not work");
});
