/** Markdown to HTML that can do nothing: what a model says is as little to be trusted as any stranger's page. */
import { type Tokens, Marked, Renderer } from "marked";

const LINK = /^(?:https?:\/\/|mailto:)/i;
const IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|avif);base64,[a-z0-9+/=\s]+$/i;

/** Every tag and attribute that an answer may come to be; purify.ts holds the page to it. */
export const TAGS = ["a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"];
export const ATTRIBUTES = ["href", "title", "src", "alt", "start", "align", "rel", "target", "tabindex", "scope"];

export const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

class Inert extends Renderer {
  /** HTML is shown as it was written, and is never any. */
  override html({ text, block }: Tokens.HTML | Tokens.Tag): string {
    return block ? `<p>${escaped(text.trim()).replaceAll("\n", "<br>")}</p>\n` : escaped(text);
  }

  override link({ href, title, tokens }: Tokens.Link): string {
    const text = this.parser.parseInline(tokens);
    return LINK.test(href) ? anchor(href, title, text) : text;
  }

  /** An image that came with the answer is shown; one from elsewhere would tell its server who reads this. */
  override image({ href, title, text }: Tokens.Image): string {
    if (IMAGE.test(href)) return `<img src="${escaped(href)}" alt="${escaped(text)}"${titled(title)}>`;
    const name = escaped(text || "image");
    return LINK.test(href) ? anchor(href, title, `${name} (${escaped(href)})`) : name;
  }

  /** The page has headings of its own above these. */
  override heading({ tokens, depth }: Tokens.Heading): string {
    const level = Math.min(depth + 2, 6);
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
  }

  override checkbox({ checked }: Tokens.Checkbox): string {
    return checked ? "☑ " : "☐ ";
  }

  override code({ text }: Tokens.Code): string {
    return `<pre tabindex="0"><code>${escaped(text)}</code></pre>\n`;
  }

  override tablecell(cell: Tokens.TableCell): string {
    const tag = cell.header ? "th" : "td";
    const align = cell.align ? ` align="${cell.align}"` : "";
    return `<${tag}${cell.header ? ' scope="col"' : ""}${align}>${this.parser.parseInline(cell.tokens)}</${tag}>\n`;
  }
}

const titled = (title: string | null | undefined) => (title ? ` title="${escaped(title)}"` : "");

const anchor = (href: string, title: string | null | undefined, html: string) =>
  `<a href="${escaped(href)}"${titled(title)} rel="noopener noreferrer" target="_blank">${html}</a>`;

// By setOptions: `use` and the constructor look at a renderer's own properties alone, and a class has its methods elsewhere.
const marked = new Marked().setOptions({ gfm: true, breaks: true, renderer: new Inert() });

/** The HTML of one block. */
export const htmlOf = (markdown: string) => marked.parse(markdown, { async: false });

export interface Block {
  /** Markdown of this block alone. */
  raw: string;
  /** The language, and the code, of a block that is nothing but code. */
  code: { language: string; text: string } | null;
}

/** Splits a text that grows: blocks that are over stay the same objects, so that they are rendered once. */
export class BlockSplitter {
  #text = "";
  #blocks: readonly Block[] = [];

  split(text: string): readonly Block[] {
    if (text === this.#text) return this.#blocks;
    // What comes next can still change the last blocks: a list goes on after an empty line, a line becomes a table.
    const kept = text.startsWith(this.#text) ? this.#blocks.slice(0, -3) : [];
    const length = kept.reduce((sum, { raw }) => sum + raw.length, 0);
    this.#blocks = [...kept, ...marked.lexer(text.slice(length)).map(blockOf)];
    this.#text = this.#blocks.reduce((sum, { raw }) => sum + raw.length, 0) === text.length ? text : "";
    return this.#blocks;
  }
}

function blockOf(token: { type: string; raw: string }): Block {
  if (token.type !== "code") return { raw: token.raw, code: null };
  const { lang, text } = token as Tokens.Code;
  return { raw: token.raw, code: { language: lang?.split(/\s/)[0] ?? "", text } };
}
