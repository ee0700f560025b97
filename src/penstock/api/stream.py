"""The streamed answer: status held back until the first event, pings while it is quiet, errors that are never taken
for an end."""

import asyncio
from types import TracebackType
from typing import Self

from penstock.api.exchange import Exchange
from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.protocol.chat import ChatRequest
from penstock.protocol.sse import DONE, PING, ChunkWriter

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ChatStream:
    """Writes one completion as server-sent events; a context manager, because its pings are a timer that must end."""

    def __init__(self, exchange: Exchange, request: ChatRequest, *, ping_seconds: float) -> None:
        self._exchange = exchange
        self._include_usage = request.include_usage
        self._ping_seconds = ping_seconds
        self._begun: set[int] = set()
        self._loop = asyncio.get_running_loop()
        self._last_write = self._loop.time()
        self._timer = self._loop.call_later(ping_seconds, self._when_quiet)
        self._ping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    async def send(self, completion: Completion) -> None:
        """Send the whole completion and the `[DONE]` after it."""
        writer = ChunkWriter(
            completion_id=completion.id,
            created=completion.created,
            model=completion.model,
            include_usage=self._include_usage,
        )
        while (pieces := await completion.read()) is not None:
            if data := b"".join([chunk for piece in pieces for chunk in self._render(writer, piece)]):
                await self._write(data)
        ending = writer.usage(completion.usage) + DONE if self._include_usage else DONE
        await self._write(ending)
        await self._exchange.finish()

    def _render(self, writer: ChunkWriter, piece: Piece) -> list[bytes]:
        chunks = []
        if piece.index not in self._begun and (piece.content or piece.reasoning or piece.finish_reason):
            self._begun.add(piece.index)
            chunks.append(writer.role(piece.index))
        if piece.reasoning:
            chunks.append(writer.reasoning(piece.index, piece.reasoning))
        if piece.content:
            chunks.append(writer.content(piece.index, piece.content))
        if piece.finish_reason:
            chunks.append(writer.finish(piece.index, piece.finish_reason, piece.stop_reason))
        return chunks

    async def _write(self, data: bytes) -> None:
        if not self._exchange.headers_sent:
            await self._exchange.start(200, HEADERS)
        await self._exchange.write(data)
        self._last_write = self._loop.time()

    def _when_quiet(self) -> None:
        # One timer for the whole stream, set anew each time it fires, so that a token costs no timer of its own.
        quiet = self._loop.time() - self._last_write
        if quiet >= self._ping_seconds:
            if self._ping is None or self._ping.done():  # a client that does not read is not pinged on top
                self._ping = self._loop.create_task(self._write(PING))
            quiet = 0.0
        self._timer = self._loop.call_later(self._ping_seconds - quiet, self._when_quiet)
