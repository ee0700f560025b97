"""The words of ASGI, which every server and framework here speaks."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class BrokenOff(Exception):
    """The answer cannot go on, and has no place to say why: its connection is cut."""


class ClientGone(Exception):
    """The client closed its connection; nobody is left to answer."""
