"""The words of ASGI, which every server and framework here speaks."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class BrokenOff(Exception):
    """The answer cannot go on, and has no place to say why: its connection is cut."""


class ClientGone(Exception):
    """The client closed its connection; nobody is left to answer."""


LINE = "penstock.line"
"""Under this name a scope has its request's `Line`."""


class Line(Protocol):
    """What our own HTTP server gives beside ASGI: plain calls, each of which costs less than a message or a task.

    What is sent by a call is never waited for: where the client reads slower than we write the call does nothing, and
    says False. Then the same has to be sent as ASGI has it.
    """

    task: asyncio.Task[None] | None
    """What answers the request; to be cancelled where it is to be broken off."""

    def whole_body(self) -> bytes | None:
        """The body; None where it has not come to its end yet, and has to be received."""

    def add(self, lines: bytes) -> None:
        """Put these headers, as `header_lines` writes them, on the answer, whoever begins it."""

    def begin(self, status: int, lines: bytes, *, length: int | None = None) -> None:
        """Begin the answer; its head goes out with the first part of its body. `lines` are its headers, less those that
        say where its body of `length` bytes ends; None: that is not known yet."""

    def write(self, data: bytes) -> bool:
        """Send a part of the body."""

    def end(self, data: bytes) -> bool:
        """Send the last part of the body."""

    def answer(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer; what `begin` and `end` do, at once or not at all."""

    def when_left(self, then: Callable[[], None] | None) -> None:
        """Call `then` when the client leaves, soon if it has left already; None: nothing any more."""


def header_lines(headers: Collection[tuple[bytes, bytes]]) -> bytes:
    """The headers as they go over the wire. Raises ValueError where one of them would be two."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\r") != len(headers) or lines.count(b"\n") != len(headers):
        raise ValueError("a header of an answer has a line break in it")
    return lines
