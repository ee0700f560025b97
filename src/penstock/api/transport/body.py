"""The body of a request, as its head framed it: a number of bytes, or chunks."""

import re
from enum import Enum, auto
from typing import Protocol

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.head import FIELD, Head
from penstock.errors import MalformedRequest

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_TRAILER = re.compile(FIELD)


class Body(Protocol):
    """Takes bytes as they come, cut anywhere."""

    done: bool
    """Whether the whole body has come."""

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        """The part of the body in `received`, and what comes after the body. Raises MalformedRequest."""


def body_of(head: Head, bounds: Bounds) -> Body:
    """The body that `head` announces."""
    return ChunkedBody(bounds) if head.chunked else CountedBody(head.content_length)


class CountedBody:
    """A body with a Content-Length."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        part, rest = received[: self._left], received[self._left :]
        self._left -= len(part)
        self.done = self._left == 0
        return part, rest


class _Next(Enum):
    """What a line between the data of chunks has to be."""

    SIZE = auto()
    END = auto()
    TRAILER = auto()


class ChunkedBody:
    """A body in chunks (RFC 9112, section 7.1). Extensions and trailers are read past; nothing here uses them."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.done = False
        self._line = b""  # whose end has not come yet
        self._next = _Next.SIZE
        self._left = 0
        self._chunks = 0
        self._trailer_bytes = 0

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        parts: list[bytes] = []
        received, self._line = self._line + received, b""
        at = 0
        while not self.done and at < len(received):
            if self._left:
                parts.append(received[at : at + self._left])
                self._left -= len(parts[-1])
                at += len(parts[-1])
                continue
            end = received.find(b"\r\n", at)
            if end < 0:
                self._keep(received[at:])
                return b"".join(parts), b""
            self._take(received[at:end])
            at = end + 2
        return b"".join(parts), received[at:]

    def _keep(self, line: bytes) -> None:
        bound = self._bounds.trailer_bytes if self._next is _Next.TRAILER else self._bounds.chunk_line_bytes
        if len(line) > bound or b"\n" in line or b"\r" in line[:-1]:
            raise MalformedRequest("A line between chunks is too long, or ends without CR LF.")
        self._line = line

    def _take(self, line: bytes) -> None:
        if self._next is _Next.SIZE:
            self._begin_chunk(line)
        elif self._next is _Next.TRAILER:
            self._take_trailer(line)
        elif line:
            raise MalformedRequest("A chunk is longer than it says.")
        else:
            self._next = _Next.SIZE

    def _begin_chunk(self, line: bytes) -> None:
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None or len(line) > self._bounds.chunk_line_bytes:
            raise MalformedRequest("A chunk begins with its size in hexadecimal digits.")
        self._chunks += 1
        if self._chunks > self._bounds.chunks:
            raise MalformedRequest(f"A body may have {self._bounds.chunks} chunks at most.")
        self._left = int(size[1], 16)
        self._next = _Next.END if self._left else _Next.TRAILER

    def _take_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line) + 2
        if not line:
            self.done = True
        elif self._trailer_bytes > self._bounds.trailer_bytes or not _TRAILER.fullmatch(line):
            raise MalformedRequest("What follows the last chunk is no trailer, or too long for one.")
