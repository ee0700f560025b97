import { expect, test } from "vitest";
import { newPassword } from "~/pages/users/password";

test("a password is long, readable and another one each time", () => {
  const made = Array.from({ length: 200 }, newPassword);
  for (const one of made) expect(one).toMatch(/^([a-km-zA-HJ-NP-Z2-9]{5}-){3}[a-km-zA-HJ-NP-Z2-9]{5}$/);
  expect(new Set(made).size).toBe(200);
});
