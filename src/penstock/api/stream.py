"""The streamed answer: status held back until the first event, pings while it is quiet, errors that are never taken
for an end."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from penstock.api.exchange import Exchange
from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.protocol.answer import Usage
from penstock.protocol.sse import PING

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventWriter(Protocol):
    """How one API writes a completion as events."""

    def write(self, pieces: list[Piece]) -> bytes:
        """The events of these pieces; may be none."""

    def end(self, usage: Usage) -> bytes:
        """What comes after the last piece, the mark of a clean end included."""


class EventStream:
    """Sends one completion as server-sent events; a context manager, because its pings are a timer that must end."""

    def __init__(self, exchange: Exchange, *, ping_seconds: float, ping: bytes = PING) -> None:
        self._exchange = exchange
        self._ping_seconds = ping_seconds
        self._ping_event = ping
        self._loop = asyncio.get_running_loop()
        self._last_write = self._loop.time()
        self._timer = self._loop.call_later(ping_seconds, self._when_quiet)
        self._ping: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    async def send(self, completion: Completion, writer: EventWriter) -> None:
        """Send the whole completion, and the end after it."""
        while (pieces := await completion.read()) is not None:
            if data := writer.write(pieces):
                await self._write(data)
                await self._flow(completion, writer)
        end = writer.end(completion.usage)
        completion.complete()
        self._begin()
        await self._exchange.finish(end)

    def _begin(self) -> None:
        if not self._exchange.begun:
            self._exchange.start(200, HEADERS)

    async def _flow(self, completion: Completion, writer: EventWriter) -> None:
        """Send what comes in the moment in which it comes, until the client reads slower than that, or to the end."""
        exchange, loop, held = self._exchange, self._loop, b""

        def pass_on(pieces: list[Piece]) -> bool:
            nonlocal held
            data = writer.write(pieces)
            if data and not exchange.write_now(data):
                held = data
                return False
            self._last_write = loop.time()
            return True

        await completion.flow(pass_on)
        if held:
            await self._write(held)

    async def _write(self, data: bytes) -> None:
        self._begin()
        await self._exchange.write(data)
        self._last_write = self._loop.time()

    def _when_quiet(self) -> None:
        # One timer for the whole stream, set anew each time it fires, so that a token costs no timer of its own.
        quiet = self._loop.time() - self._last_write
        if quiet >= self._ping_seconds:
            if self._ping is None or self._ping.done():  # a client that does not read is not pinged on top
                self._ping = self._loop.create_task(self._write(self._ping_event))
            quiet = 0.0
        self._timer = self._loop.call_later(self._ping_seconds - quiet, self._when_quiet)
