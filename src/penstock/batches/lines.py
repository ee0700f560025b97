"""The lines of a batch's input, found and looked at without the whole of it in memory.

A line ends with LF and with nothing else: JSON may have other line ends of Unicode in its strings. A CR before the end,
a byte order mark at the beginning and a missing last end are accepted; blank lines are passed over, and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from penstock.errors import InvalidJson
from penstock.protocol import strict_json
from penstock.protocol.batches import MOST_ERRORS, MOST_LINES, BatchEndpoint, BatchFault

MOST_LINE_BYTES = 16 << 20
"""Of one line: what the routes take as a body."""
LONGEST_CUSTOM_ID = 512
LONGEST_NAME = 200
"""Of a model; what is longer names none."""

_BOM = b"\xef\xbb\xbf"
_FIELDS = {"custom_id", "method", "url", "body"}
_PREFIX_CHARACTERS = 256
_BLANK = b" \t\r"


@dataclass(frozen=True)
class Line:
    """One line that is well formed: what to run, and where its bytes are."""

    number: int
    """From 1; blank lines count."""
    custom_id: str
    model: str
    """As its body names it; empty where it names none, which is for the line to fail by."""
    prefix: int
    """The same for lines that begin alike: 63 bits."""
    position: int
    size: int


@dataclass(frozen=True)
class Span:
    """Where a line's text is, without its end; `text` is None where it is too long to be read."""

    number: int
    position: int
    text: bytes | None


class LineSplitter:
    """Cuts parts of a file into lines, wherever the parts were cut."""

    def __init__(self) -> None:
        self._number = 0
        self._position = 0
        """Of the first byte that is kept."""
        self._kept: list[bytes] = []
        self._size = 0
        """Of the line that has begun, read or not."""

    def feed(self, part: bytes) -> Iterator[Span]:
        """The lines that end in this part, but for blank ones."""
        start = 0
        while (end := part.find(b"\n", start)) >= 0:
            self._keep(part[start:end])
            yield from self._end(1)
            start = end + 1
        self._keep(part[start:])

    def finish(self) -> Iterator[Span]:
        """The last line, where it has no end."""
        if self._size:
            yield from self._end(0)

    def _keep(self, text: bytes) -> None:
        self._size += len(text)
        if self._size > MOST_LINE_BYTES:
            self._kept.clear()
        elif text:
            self._kept.append(text)

    def _end(self, end_bytes: int) -> Iterator[Span]:
        self._number += 1
        position, size, text = self._position, self._size, b"".join(self._kept)
        self._position, self._size = position + size + end_bytes, 0
        self._kept.clear()
        if size > MOST_LINE_BYTES:
            yield Span(self._number, position, None)
            return
        if self._number == 1 and text.startswith(_BOM):
            position, text = position + len(_BOM), text[len(_BOM) :]
        text = text.removesuffix(b"\r")
        if text.strip(_BLANK):
            yield Span(self._number, position, text)


class Malformed(Exception):  # becomes a BatchFault
    """A line is not in the form that all lines have."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class LineReader:
    """Looks at the form of every line; what its body says is for the line to fail by, later and alone."""

    def __init__(self, endpoint: BatchEndpoint, *, most_lines: int = MOST_LINES, whose: str = "") -> None:
        """`whose` bound `most_lines` is where it is not everybody's: `the plan free`."""
        self.faults: list[BatchFault] = []
        self.stopped = False
        """Whether enough is wrong, so that nothing more is read."""
        self.count = 0
        """Lines that are well formed."""
        self._endpoint = endpoint
        self._most_lines = most_lines
        self._whose = f" with {whose}" if whose else ""
        self._splitter = LineSplitter()
        self._seen: dict[str, int] = {}

    def feed(self, part: bytes) -> list[Line]:
        """The good lines that end in this part."""
        return self._take(self._splitter.feed(part))

    def finish(self) -> list[Line]:
        """The last line; afterwards `faults` has all that is wrong."""
        lines = self._take(self._splitter.finish())
        if not self.count and not self.faults:
            self._fault("empty_file", "The input file has no line.")
        return lines

    def _take(self, spans: Iterator[Span]) -> list[Line]:
        lines: list[Line] = []
        for span in spans:
            if self.stopped:
                break
            if self.count == self._most_lines:
                self._fault("too_many_lines", f"A batch has {self._most_lines} lines at most{self._whose}.")
                self.stopped = True
                break
            try:
                lines.append(self._read(span))
            except Malformed as error:
                self._fault(error.code, error.message, param=error.param, line=span.number)
            else:
                self.count += 1
        return lines

    def _fault(self, code: str, message: str, *, param: str | None = None, line: int | None = None) -> None:
        self.faults.append(BatchFault(code=code, message=message, param=param, line=line))
        self.stopped = len(self.faults) >= MOST_ERRORS

    def _read(self, span: Span) -> Line:
        if span.text is None:
            raise Malformed("line_too_long", f"A line has {MOST_LINE_BYTES} bytes at most.")
        try:
            value = strict_json.decode(span.text)
        except InvalidJson as error:
            raise Malformed("invalid_json_line", error.message.replace("The body", "The line")) from error
        body = self._checked(value)
        custom_id = value["custom_id"]
        if (first := self._seen.setdefault(custom_id, span.number)) != span.number:
            raise Malformed("duplicate_custom_id", f"Line {first} has the same custom_id.", "custom_id")
        model = body.get("model")
        model = model if isinstance(model, str) and model.isprintable() and len(model) <= LONGEST_NAME else ""
        return Line(span.number, custom_id, model, prefix_of(model, body), span.position, len(span.text))

    def _checked(self, value: Any) -> dict[str, Any]:
        """The body of a line in its form. Raises Malformed."""
        if not isinstance(value, dict):
            raise Malformed("invalid_line", "A line is a JSON object with custom_id, method, url and body.")
        for name in _FIELDS:
            if name not in value:
                raise Malformed("missing_required_parameter", f"{name} is required.", name)
        if unknown := value.keys() - _FIELDS:
            name = min(unknown)[:64]
            raise Malformed("unknown_parameter", f"{name} is no field of a line.", name)
        custom_id, body = value["custom_id"], value["body"]
        if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= LONGEST_CUSTOM_ID or "\0" in custom_id:
            message = f"custom_id is a string of 1 to {LONGEST_CUSTOM_ID} characters."
            raise Malformed("invalid_value", message, "custom_id")
        if value["method"] != "POST":
            raise Malformed("invalid_method", "method is POST.", "method")
        if value["url"] != self._endpoint:
            raise Malformed("invalid_url", f"url is the endpoint of the batch, {self._endpoint}.", "url")
        if not isinstance(body, dict):
            raise Malformed("invalid_type", "body is a JSON object.", "body")
        if body.get("stream") is True:
            raise Malformed("invalid_value", "A line of a batch cannot be streamed: leave stream out.", "body.stream")
        return body


def prefix_of(model: str, body: dict[str, Any]) -> int:
    """The same for bodies whose prompts begin alike, as far as an engine's cache of prefixes is concerned.

    That is the tools, everything but the last message of a conversation, and the first 256 characters of that one; or
    the first 256 characters of a prompt or input.
    """
    messages = body.get("messages")
    asked: Any
    if isinstance(messages, list) and messages:
        asked = [body.get("tools"), messages[:-1], _start(messages[-1])]
    else:
        asked = _start(body.get("prompt", body.get("input")))
    digest = blake2b(msgspec.msgpack.encode([model, asked]), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _start(value: Any) -> Any:
    if isinstance(value, dict):
        value = value.get("content")
    if isinstance(value, list) and value:
        value = value[0]
    return value[:_PREFIX_CHARACTERS] if isinstance(value, str) else value
