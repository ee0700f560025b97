"""What the routes that ask a model have in common: who calls, what was sent, and an answer whole or as a stream."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from msgspec import Struct

from penstock.api.exchange import Exchange
from penstock.api.stream import EventStream, EventWriter
from penstock.inference.completion import Completion
from penstock.protocol.answer import encode
from penstock.protocol.sse import PING
from penstock.tenants.caller import Caller
from penstock.web.access import INFERENCE, Access
from penstock.web.asgi import Scope

BODY_CAP = 16 << 20

T = TypeVar("T")
Running = AbstractAsyncContextManager[Completion]
"""A completion that runs while its block does."""


class Door:
    """Lets requests in, and answers out."""

    def __init__(
        self, who: Callable[[Scope, Access], Awaitable[Caller]], access: Access = INFERENCE, *, ping_seconds: float
    ) -> None:
        """`who` finds the caller by the credentials that `access` takes."""
        self._who = who
        self._access = access
        self._ping_seconds = ping_seconds

    async def enter(self, exchange: Exchange, parse: Callable[[bytes], T]) -> tuple[Caller, T]:
        """Who calls, known before a byte of the body is read, and what `parse` makes of the body."""
        caller = await self._who(exchange.scope, self._access)
        return caller, parse(await exchange.json_body(cap=BODY_CAP))

    async def answer(
        self, exchange: Exchange, running: Running, collect: Callable[[Completion], Awaitable[Struct]]
    ) -> None:
        """Answer with what `collect` makes of the whole completion."""
        with exchange.while_connected():
            async with running as completion:
                answer = await collect(completion)
            await exchange.answer(200, encode(answer))

    async def stream(
        self, exchange: Exchange, running: Running, events: Callable[[Completion], EventWriter], *, ping: bytes = PING
    ) -> None:
        """Answer with the completion as it comes, written by `events`; `ping` is what is said when it is quiet."""
        with (
            exchange.while_connected(),
            # Outside of the completion, so that a request that waits for its turn is pinged too.
            EventStream(exchange, ping_seconds=self._ping_seconds, ping=ping) as stream,
        ):
            async with running as completion:
                await stream.send(completion, events(completion))
