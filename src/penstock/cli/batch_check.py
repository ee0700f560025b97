"""`penstock batch check`: what the server would say of an input file, without a server."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any, get_args

import click
import msgspec

from penstock.batches.lines import Line, LineReader
from penstock.cli.screen import printable
from penstock.cli.tables import print_fields, print_json, print_table
from penstock.errors import ApiError
from penstock.protocol.batches import MOST_ERRORS, BatchEndpoint, BatchFault
from penstock.protocol.chat import parse_chat_request
from penstock.protocol.completions import parse_completion_request
from penstock.protocol.embeddings import parse_embedding_request
from penstock.protocol.files import MOST_BYTES

_PART_BYTES = 1 << 20
_CHARACTERS_OF_TOKEN = 4
"""About so many, in English."""


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--endpoint", type=click.Choice(get_args(BatchEndpoint)), help="Of the batch; else the first line's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str, endpoint: BatchEndpoint | None, as_json: bool) -> None:
    """Look through an input FILE as a server would, without one; `-` is standard input.

    What is wrong is told as FILE:LINE: MESSAGE. A line whose form is wrong fails the whole batch; a line whose body is
    wrong fails alone. The exit code is 1 where anything is wrong. Whether a model is served, and whether a prompt fits
    it, only the server can tell.
    """
    look = _Look(endpoint)
    with click.open_file(file, "rb") as opened:
        look.read(opened)
    if as_json:
        print_json(look.described())
    else:
        look.show("stdin" if file == "-" else file)
    if look.errors or look.failing:
        raise click.exceptions.Exit(1)


class _Look:
    """What there is in a file, and what is wrong with it."""

    def __init__(self, endpoint: BatchEndpoint | None) -> None:
        self._reader = LineReader(endpoint, look=self._look_at)
        self._models = Counter[str]()
        self._characters = 0
        self._bytes = 0
        self.errors: list[BatchFault] = []
        """By which the batch would fail."""
        self.failing: list[BatchFault] = []
        """Of lines that would fail alone; the first 100."""
        self._count_failing = 0

    def read(self, file: IO[bytes]) -> None:
        for part in _parts(file):
            self._bytes += len(part)
            if not self._reader.stopped:
                self._reader.feed(part)
        self._reader.finish()
        self.errors = self._reader.faults
        if self._bytes > MOST_BYTES:
            message = f"The file has {self._bytes:,} bytes, and may have {MOST_BYTES:,}."
            self.errors.insert(0, BatchFault(code="request_too_large", message=message))

    def _look_at(self, line: Line, body: dict[str, Any]) -> None:
        self._models[line.model] += 1
        self._characters += sum(_sizes(body.get("messages", body.get("prompt", body.get("input")))))
        try:
            self._parse(msgspec.json.encode(body))
        except ApiError as error:
            self._count_failing += 1
            if len(self.failing) < MOST_ERRORS:
                fault = BatchFault(code=error.code, message=error.message, param=error.param, line=line.number)
                self.failing.append(fault)

    @property
    def _parse(self) -> Callable[[bytes], Any]:
        match self._reader.endpoint:
            case "/v1/completions":
                return parse_completion_request
            case "/v1/embeddings":
                return parse_embedding_request
        return parse_chat_request

    @property
    def _tokens(self) -> int:
        return self._characters // _CHARACTERS_OF_TOKEN

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "endpoint": self._reader.endpoint,
            "lines": self._reader.lines,
            "bytes": self._bytes,
            "models": dict(self._models),
            "approximate_prompt_tokens": self._tokens,
            "errors": [msgspec.to_builtins(fault) for fault in self.errors],
            "failing_lines": self._count_failing,
            "line_errors": [msgspec.to_builtins(fault) for fault in self.failing],
        }

    def show(self, name: str) -> None:
        """For people: what is wrong, and then what there is."""
        for fault in self.errors:
            where = name if fault.line is None else f"{name}:{fault.line}"
            click.echo(printable(f"{where}: {fault.message}"))
        for fault in self.failing:
            click.echo(printable(f"{name}:{fault.line}: this line would fail: {fault.message}"))
        if self._count_failing > len(self.failing):
            click.echo(f"... and {self._count_failing - len(self.failing):,} more lines that would fail")
        if self.errors or self.failing:
            click.echo()
        print_fields(
            {
                "endpoint": self._reader.endpoint or "",
                "lines": f"{self._reader.lines:,}",
                "bytes": f"{self._bytes:,}",
                "prompts": f"about {self._tokens:,} tokens",
                "verdict": self._verdict,
            }
        )
        if self._models:
            click.echo()
            print_table(
                ("Model", "Lines"), [(model or "-", f"{lines:,}") for model, lines in self._models.most_common()]
            )

    @property
    def _verdict(self) -> str:
        if self.errors:
            return "the batch would fail, and none of it run"
        if self._count_failing:
            return f"it would run, and {self._count_failing:,} lines fail"
        return "good"


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(_PART_BYTES):
        yield part


def _sizes(prompt: Any) -> Iterator[int]:
    """Of all texts in it, in characters; a token that is given as a number counts as so many as it stands for."""
    if isinstance(prompt, str):
        yield len(prompt)
    elif isinstance(prompt, int):
        yield _CHARACTERS_OF_TOKEN
    elif isinstance(prompt, list):
        for one in prompt:
            yield from _sizes(one)
    elif isinstance(prompt, dict):
        yield from _sizes(prompt.get("content", prompt.get("text")))
