"""The words of ASGI, which every server and framework here speaks."""

from collections.abc import Awaitable, Callable, MutableMapping
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
    """What our own HTTP server gives beside ASGI: for a stream a call costs less than a message, and a word that the
    client has left less than a task that waits for it."""

    def write(self, data: bytes) -> bool:
        """Send a part of the body at once; False where it has to be sent as ASGI has it, which may mean to wait."""

    def when_left(self, then: Callable[[], None] | None) -> None:
        """Call `then` when the client leaves, soon if it has left already; None: nothing any more."""
