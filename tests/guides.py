"""The guides as a reader sees them: their blocks of code, with snippets filled in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"

# Page -> the environment of tests/clients that its code needs; "" where it needs none but the tests' own.
FOLLOWED = {
    "index.md": "",
    "get-started/batch.md": "",
    "get-started/get-api-key.md": "",
    "get-started/openai-compatibility.md": "",
    "get-started/real-time-inference.md": "",
    "get-started/usage-and-costs.md": "",
    "operate/accounts-and-keys.md": "",
    "get-started/integrations/crewai.md": "crewai",
    "get-started/integrations/eliza.md": "eliza-1",
    "get-started/integrations/langchain.md": "langchain",
    "get-started/integrations/litellm.md": "litellm",
    "get-started/integrations/sillytavern.md": "",
}

RUN = {"python", "sh"}
SHOWN = {"js", "json", "text", "toml", "yaml"}
"""What is not run as it stands: an answer, an output, and files. A block with a title is the file of that name."""

_FENCE = re.compile(r'^(?P<indent> *)```(?P<language>\w*)(?: title="(?P<title>.+)")?$')
_SNIPPET = re.compile(r'^--8<-- "(?P<file>.+)"$')
_NOT_RUN = re.compile(r"^ *<!-- not run: (?P<reason>.+) -->$")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page. `not_run` is the reason that the page gives in a comment just above it."""

    page: str
    line: int
    language: str
    code: str
    not_run: str | None = None
    title: str | None = None

    @property
    def runs(self) -> bool:
        return self.language in RUN and not self.not_run and not self.title

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def guides() -> list[str]:
    """Every page of docs/ that is written for users, by its path there."""
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    return sorted(page for page in pages if page != "ARCHITECTURE.md" and not page.startswith("decisions/"))


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of one page, in order."""
    return list(parse(page, (DOCS / page).read_text(encoding="utf-8")))


def parse(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of `text`."""
    reason, fence, began, code = None, None, 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None:
            fence, began, code = _FENCE.match(line), number, []
            found = _NOT_RUN.match(line)
            reason = found["reason"] if found else reason if fence or not line.strip() else None
        elif line == f"{fence['indent']}```":
            yield Block(page, began, fence["language"], "".join(code), reason, fence["title"])
            fence, reason = None, None
        else:
            code.append(_filled_in(line.removeprefix(fence["indent"])))
    assert fence is None, f"{page}:{began}: the block does not end"


def _filled_in(line: str) -> str:
    snippet = _SNIPPET.match(line)
    return (EXAMPLES / snippet["file"]).read_text(encoding="utf-8") if snippet else f"{line}\n"
