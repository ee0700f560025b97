"""Messages over a stream of bytes: a length of four bytes, then MessagePack. What is said at once goes out at once."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from penstock.processes.messages import Message

_LENGTH = 4
_MOST_BYTES = 64 << 20

T = TypeVar("T")


class Frames(asyncio.Protocol, Generic[T]):
    """One connection, on either side. `took` gets every message; `lost` is called once, at the end."""

    def __init__(self, kind: Any, *, took: Callable[[T], None], lost: Callable[[], None]) -> None:
        """`kind` is the union of what the other side says."""
        self._loop = asyncio.get_running_loop()
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()
        self._took = took
        self._lost = lost
        self._in = bytearray()
        self._out = bytearray()
        self._transport: asyncio.Transport | None = None

    def tell(self, message: Message) -> None:
        """Never waits; whatever this turn of the loop says goes out in one write."""
        if self._transport is None:
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        data = self._encoder.encode(message)
        self._out += len(data).to_bytes(_LENGTH)
        self._out += data

    def _flush(self) -> None:
        out, self._out = self._out, bytearray()
        if self._transport is not None:
            self._transport.write(out)

    def close(self) -> None:
        """Say what is left to say, and end."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._in += data
        came, at = self._in, 0
        while len(came) - at >= _LENGTH:
            size = int.from_bytes(came[at : at + _LENGTH])
            if size > _MOST_BYTES:
                raise ValueError("a frame is too long")
            end = at + _LENGTH + size
            if len(came) < end:
                break
            self._took(self._decoder.decode(came[at + _LENGTH : end]))
            at = end
        del came[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()
