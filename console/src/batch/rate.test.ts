import { expect, test } from "vitest";
import { rateOf, sampled } from "~/batch/rate";

const after = (...all: [number, number][]) => all.reduce<{ at: number; done: number }[]>((before, [at, done]) => sampled(before, { at, done }), []);

test("a rate needs two seconds", () => {
  expect(rateOf(after([0, 0], [1, 10]))).toBeNull();
  expect(rateOf(after([0, 0], [1, 10], [4, 40]))).toBe(10);
});

test("what was long ago does not count", () => {
  expect(rateOf(after([0, 0], [10, 1000], [40, 1000]))).toBe(0);
});

test("a count that falls begins anew", () => {
  expect(rateOf(after([0, 50], [4, 10]))).toBeNull();
});
