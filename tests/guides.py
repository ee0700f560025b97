"""The guides as a reader follows them: their blocks of code, with snippets filled in, run from top to bottom."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
ADDRESS = "http://127.0.0.1:8484"
"""The address in every example, which is the server's default; a reader with another one changes it."""

RUN = {"python", "sh"}
SHOWN = {"json", "text", "toml"}
"""What is no code: an answer, an output, a file."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?: title=\".+\")?$")
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
            yield Block(page, began, fence["language"], "".join(code), reason)
            fence, reason = None, None
        else:
            code.append(_filled_in(line.removeprefix(fence["indent"])))
    assert fence is None, f"{page}:{began}: the block does not end"


def _filled_in(line: str) -> str:
    snippet = _SNIPPET.match(line)
    return (EXAMPLES / snippet["file"]).read_text(encoding="utf-8") if snippet else f"{line}\n"


@dataclass(frozen=True)
class Followed:
    """What came of following a page: the output of each block that was run."""

    outputs: dict[Block, str]
    failure: str


def follow(
    page: str,
    *,
    address: str,
    environ: dict[str, str],
    folder: Path,
    python: str = sys.executable,
    seconds: float = 300,
) -> Followed:
    """Run the blocks of a page in one shell, as a reader would who types them in one terminal after the other.

    An answer of 400 and more fails the shell, as a reader would see it to be wrong. `python` has the packages.
    """
    blocks = [block for block in blocks_of(page) if block.language in RUN and not block.not_run]
    steps = ["set -euo pipefail", 'curl() { command curl --silent --show-error --fail-with-body "$@"; }']
    for number, block in enumerate(blocks):
        code = block.code.replace(ADDRESS, address)
        if block.language == "python":
            (folder / f"{number}.py").write_text(code, encoding="utf-8")
            code = f"python {folder}/{number}.py\n"
        steps.append(f"{{\n{code}}} >{folder}/{number}.out")
    path = os.pathsep.join([str(Path(python).parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-c", "\n".join(steps)],
        env={**os.environ, **environ, "PATH": path},
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    written = {block: folder / f"{number}.out" for number, block in enumerate(blocks)}
    outputs = {block: out.read_text(encoding="utf-8") for block, out in written.items() if out.exists()}
    last = list(outputs)[-1] if outputs else None
    said = f"{last}: {outputs[last]}\n{ran.stderr}" if last else ran.stderr
    return Followed(outputs, said if ran.returncode else "")
