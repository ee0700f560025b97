import { memo, useState } from "react";
import { type Block, BlockSplitter, htmlOf } from "~/playground/markdown-html";
import { purified } from "~/playground/purify";
import { Code } from "~/ui/code";
import "~/playground/markdown.css";

/** What a model said, as Markdown. Of a text that grows only its last block is rendered anew. */
export function Markdown({ text }: { text: string }) {
  const [splitter] = useState(() => new BlockSplitter());
  return (
    <div className="markdown">
      {splitter.split(text).map((block, at) => (
        <MarkdownBlock key={at} raw={block.raw} code={block.code?.text} language={block.code?.language} />
      ))}
    </div>
  );
}

const MarkdownBlock = memo(function MarkdownBlock({ raw, code, language }: { raw: Block["raw"]; code?: string; language?: string }) {
  if (code !== undefined) return <Code label={language ? `Code, ${language}` : "Code"}>{code}</Code>;
  if (raw.trim() === "") return null;
  return <div dangerouslySetInnerHTML={{ __html: purified(htmlOf(raw)) }} />;
});
