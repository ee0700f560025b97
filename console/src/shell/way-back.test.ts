import { beforeAll, expect, test, vi } from "vitest";
import { ownPath } from "~/shell/way-back";

beforeAll(() => vi.stubGlobal("window", { location: { origin: "http://127.0.0.1:8484" } }));

test.each(["/", "/apikeys?page=2#top", "/playground?model=a%2Fb"])("%s is kept", (path) => {
  expect(ownPath(path)).toBe(path);
});

test.each([
  undefined,
  "",
  "apikeys",
  "//evil.example",
  "/\\evil.example",
  "/.//evil.example",
  "/\t/evil.example",
  "https://evil.example/",
  "javascript:alert(1)",
  "http://127.0.0.1:8484/apikeys",
])("%s leads to Home", (path) => {
  expect(ownPath(path)).toBe("/");
});
