"""A form with a file in it (RFC 7578), read as it comes: the file goes on part by part, the rest is bounded."""

from collections.abc import Awaitable, Callable, Iterable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from penstock.errors import InvalidRequest, RequestTooLarge, UnsupportedMediaType
from penstock.web.asgi import ClientGone, Receive

MOST_OVERHEAD = 64 << 10
"""Bytes of a form beside its file."""

_MOST_PARTS = 16
_MOST_FIELD_BYTES = 1024
_MOST_HEADERS = 8
_MOST_HEADER_BYTES = 4096
_LONGEST_BOUNDARY = 200
_PIECE_BYTES = 64 << 10
"""What is looked through at once; so short that other requests do not feel it."""

Write = Callable[[bytes], Awaitable[None]]


class Form:
    """The form in a body that is fed to it; `write` gets what the part `file` has."""

    def __init__(self, boundary: bytes, write: Write) -> None:
        callbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        self._parser = MultipartParser(
            boundary,
            callbacks,  # type: ignore[arg-type]  # a dict of them, in its words
            max_header_count=_MOST_HEADERS,
            max_header_size=_MOST_HEADER_BYTES,
        )
        self._write = write
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        """None: there is no file."""
        self.complete = False
        self._parts = 0
        self._waiting: list[bytes] = []
        self._name = ""
        self._value = bytearray()
        self._disposition = b""
        self._header: tuple[bytes, bytes] = b"", b""

    async def feed(self, body: bytes) -> None:
        """Raises InvalidRequest where this is no such form, and what `write` does."""
        for at in range(0, len(body), _PIECE_BYTES):
            try:
                self._parser.write(body[at : at + _PIECE_BYTES])
            except FormParserError as error:
                raise _malformed() from error
            waiting, self._waiting = self._waiting, []
            for part in waiting:
                await self._write(part)

    # What the parser calls

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise InvalidRequest(f"A form may have {_MOST_PARTS} fields at most.")
        self._name, self._value, self._disposition = "", bytearray(), b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = self._header[0] + data[start:end], b""

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = self._header[0], self._header[1] + data[start:end]

    def _end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = b"", b""

    def _end_headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise _malformed()
        self._name = options[b"name"].decode("utf-8", "replace")
        if self._name in self.fields or (self._name == "file" and self.filename is not None):
            raise InvalidRequest(f"{self._name[:64]} stands twice in the form.", param=self._name[:64])
        if self._name == "file":
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self._waiting.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _MOST_FIELD_BYTES:
            raise InvalidRequest(f"{self._name[:64]} is too long.", param=self._name[:64])

    def _end_part(self) -> None:
        if self._name == "file":
            return
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{self._name[:64]} is no text in UTF-8.", param=self._name[:64]) from error

    def _end(self) -> None:
        self.complete = True


def boundary_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """What stands between the parts of the form. Raises UnsupportedMediaType, or InvalidRequest where there is none."""
    given = list(headers)
    if any(name == b"content-encoding" for name, _ in given):
        raise UnsupportedMediaType("Send the body without Content-Encoding.")
    kinds = [value for name, value in given if name == b"content-type"]
    kind, options = parse_options_header(kinds[0] if len(kinds) == 1 else b"")
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType("Send the file as Content-Type: multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        raise InvalidRequest("The Content-Type names no boundary, or too long a one.")
    return boundary


def check_announced(headers: Iterable[tuple[bytes, bytes]], *, most_bytes: int) -> None:
    """Raises RequestTooLarge where the announced body can only hold a file of more than `most_bytes`."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > most_bytes + MOST_OVERHEAD:
            raise _too_large(most_bytes)


async def read_form(boundary: bytes, receive: Receive, write: Write, *, most_bytes: int) -> Form:
    """The whole form. Raises InvalidRequest, RequestTooLarge, what `write` does, or ClientGone."""
    form, size = Form(boundary, write), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body = message.get("body", b"")
        size += len(body)
        if size > most_bytes + MOST_OVERHEAD:
            raise _too_large(most_bytes)
        await form.feed(body)
        if not message.get("more_body"):
            break
    if not form.complete:
        raise _malformed()
    return form


def _malformed() -> InvalidRequest:
    return InvalidRequest("The body is no whole form as RFC 7578 has it (multipart/form-data).")


def _too_large(most_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"A file may have {most_bytes:,} bytes at most.", param="file")
