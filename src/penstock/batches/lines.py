"""The lines of a batch's input, found and looked at without the whole of it in memory.

A line ends with LF and with nothing else: JSON may have other line ends of Unicode in its strings. A CR before the end,
a byte order mark at the beginning and a missing last end are accepted; blank lines are passed over, and counted.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from penstock.batches.likeness import prefix_of
from penstock.errors import InvalidJson
from penstock.protocol import strict_json
from penstock.protocol.batches import MOST_ERRORS, MOST_LINES, BatchEndpoint, BatchFault

MOST_LINE_BYTES = 16 << 20
"""Of one line: what the routes take as a body."""
LONGEST_CUSTOM_ID = 512

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_FIELDS = ("custom_id", "method", "url", "body")
_ENDPOINTS: tuple[str, ...] = get_args(BatchEndpoint)
_LONGEST_MODEL = 256
_BLANK = b" \t\r"
_BLANK_LINES = re.compile(rb"[ \t\r\n]*\n")
_MOST_COUNTED = 1_000_000


@dataclass(frozen=True)
class Line:
    """One line that is well formed: what to run, and where its bytes are."""

    number: int
    """From 1; blank lines count."""
    custom_id: str
    model: str
    """As its body names it; empty where it names none, which is for the line to fail by."""
    prefix: int
    """Lines that begin alike have numbers near each other; see `prefix_of`."""
    position: int
    """Of its first byte in the file, a byte order mark passed over."""
    size: int
    """In bytes, without the line's end."""


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
        """Of the line that has begun, kept or not."""

    def feed(self, part: bytes) -> Iterator[Span]:
        """The lines that end in this part, but for blank ones."""
        start = 0 if self._size else self._pass_over_blank(part, 0)
        while (end := part.find(b"\n", start)) >= 0:
            self._keep(part[start:end])
            yield from self._end(1)
            start = self._pass_over_blank(part, end + 1)
        self._keep(part[start:])

    def finish(self) -> Iterator[Span]:
        """The last line, where it has no end."""
        if self._size:
            yield from self._end(0)

    def _pass_over_blank(self, part: bytes, start: int) -> int:
        """Where the next line begins that is not blank, or has no end yet. A file can be full of blank ones."""
        blank = _BLANK_LINES.match(part, start)
        if blank is None:
            return start
        self._number += part.count(b"\n", start, blank.end())
        self._position += blank.end() - start
        return blank.end()

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
    """Looks at the form of every line; what its body says is for the line to fail by, later and alone.

    Nothing that a file has in it raises: what is wrong is in `faults`.
    """

    def __init__(
        self,
        endpoint: BatchEndpoint | None,
        *,
        most_lines: int = MOST_LINES,
        whose: str = "",
        look: Callable[[Line, dict[str, Any]], None] = lambda _line, _body: None,
    ) -> None:
        """Without `endpoint` it is that of the first line. `whose` bound `most_lines` is, where it is not everybody's:
        `the plan free`. `look` is shown each good line and its body."""
        self.endpoint = endpoint
        self.faults: list[BatchFault] = []
        self.stopped = False
        """Whether enough is wrong, so that nothing more need be read."""
        self.count = 0
        """Lines that are well formed."""
        self.lines = 0
        """Lines that are not blank."""
        self._most_lines = most_lines
        self._whose = f" with {whose}" if whose else ""
        self._look = look
        self._splitter = LineSplitter()
        self._numbers: dict[str, int] = {}
        """custom_id -> the line that has it."""

    def feed(self, part: bytes) -> list[Line]:
        """The good lines that end in this part."""
        return self._take(self._splitter.feed(part))

    def finish(self) -> list[Line]:
        """The last line, where it has no end; afterwards `faults` has all that is wrong, 100 at most."""
        lines = self._take(self._splitter.finish())
        if not self.lines:
            self._add_fault("empty_file", "The file has no line in it.")
        elif self.lines > self._most_lines:
            counted = f"{self.lines:,}" if self.lines <= _MOST_COUNTED else f"more than {_MOST_COUNTED:,}"
            message = f"The file has {counted} lines, and a batch may have {self._most_lines:,}{self._whose}."
            self._add_fault("too_many_lines", message)
        return lines

    def _take(self, spans: Iterator[Span]) -> list[Line]:
        lines: list[Line] = []
        for span in spans:
            if self.stopped:
                break
            self.lines += 1
            if self.lines > self._most_lines:  # from here on lines are counted only
                self.stopped = self.lines > _MOST_COUNTED
                continue
            try:
                lines.append(self._read(span))
            except Malformed as error:
                self._add_fault(error.code, error.message, param=error.param, line=span.number)
            else:
                self.count += 1
        return lines

    def _add_fault(self, code: str, message: str, *, param: str | None = None, line: int | None = None) -> None:
        if len(self.faults) < MOST_ERRORS:
            named = None if param is None else _printable(param)
            self.faults.append(BatchFault(code=code, message=_printable(message), param=named, line=line))
        self.stopped = self.stopped or len(self.faults) >= MOST_ERRORS

    def _read(self, span: Span) -> Line:
        if span.text is None:
            raise Malformed("line_too_long", f"A line may have {MOST_LINE_BYTES:,} bytes at most.")
        if span.position == 0 and span.text.startswith(_OTHER_BOMS):
            self.stopped = True  # no line of it can be read
            raise Malformed("invalid_json_line", "The file is in UTF-16; it must be in UTF-8.")
        try:
            value = strict_json.decode(span.text)
        except InvalidJson as error:
            raise Malformed("invalid_json_line", error.message.replace("The body", "The line")) from error
        body = self._checked(value)
        custom_id = value["custom_id"]
        if (first := self._numbers.setdefault(custom_id, span.number)) != span.number:
            raise Malformed("duplicate_custom_id", f"Line {first} has the same custom_id.", "custom_id")
        line = Line(span.number, custom_id, _model(body), prefix_of(body), span.position, len(span.text))
        self._look(line, body)
        return line

    def _checked(self, value: Any) -> dict[str, Any]:
        """The body of a line in its form. Raises Malformed."""
        if not isinstance(value, dict):
            raise Malformed("invalid_type", "A line is a JSON object with custom_id, method, url and body.")
        for name in _FIELDS:
            if name not in value:
                raise Malformed("missing_required_parameter", f"{name} is required.", name)
        if unknown := value.keys() - set(_FIELDS):
            name = min(unknown)[:64]
            raise Malformed("unknown_parameter", f"{name} is not a field of a line.", name)
        _check_custom_id(value["custom_id"])
        if value["method"] != "POST":
            raise Malformed("invalid_method", "method must be POST.", "method")
        self._check_url(value["url"])
        body = value["body"]
        if not isinstance(body, dict):
            raise Malformed("invalid_type", "body must be a JSON object.", "body")
        if body.get("stream") is True:
            raise Malformed("invalid_value", "A line of a batch is not streamed: leave stream out.", "body.stream")
        return body

    def _check_url(self, url: Any) -> None:
        if self.endpoint is None and url in _ENDPOINTS:
            self.endpoint = url
        if self.endpoint is None:
            raise Malformed("invalid_url", f"url must be one of {', '.join(_ENDPOINTS)}.", "url")
        if url != self.endpoint:
            raise Malformed("invalid_url", f"url must be the endpoint of the batch, {self.endpoint}.", "url")


def _check_custom_id(custom_id: Any) -> None:
    if not isinstance(custom_id, str):
        raise Malformed("invalid_type", "custom_id must be a string.", "custom_id")
    if not 1 <= len(custom_id) <= LONGEST_CUSTOM_ID or "\0" in custom_id:
        message = f"custom_id must have 1 to {LONGEST_CUSTOM_ID} characters, none of them NUL."
        raise Malformed("invalid_value", message, "custom_id")


def _model(body: dict[str, Any]) -> str:
    """The model that it names, as far as that can be the name of one."""
    model = body.get("model")
    return model if isinstance(model, str) and len(model) <= _LONGEST_MODEL and model.isprintable() else ""


def _printable(text: str) -> str:
    """As any database can keep it: names in it come from the file."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
