"""Back-pressure: who writes waits while the reader is slow, and what is read ahead has a bound."""

import asyncio


class Flow:
    """Both directions of one connection."""

    __slots__ = ("_held_since", "_loop", "_transport", "_writable", "reading_held", "writing_held")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.writing_held = False
        self.reading_held = False
        self._writable: asyncio.Future[None] | None = None
        self._held_since = 0.0

    def hold_writing(self) -> None:
        """The transport's buffer is full."""
        if not self.writing_held:
            self.writing_held = True
            self._writable = self._loop.create_future()
            self._held_since = self._loop.time()

    def resume_writing(self) -> None:
        """The transport's buffer is empty enough again, or there is nobody left to write to."""
        self.writing_held = False
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def stalled_seconds(self, now: float) -> float:
        """How long writing has been held; 0 where it is not."""
        return now - self._held_since if self.writing_held else 0.0

    async def writable(self) -> None:
        """Wait until writing is not held."""
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def hold_reading(self) -> None:
        if not self.reading_held:
            self.reading_held = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self.reading_held and not self._transport.is_closing():
            self.reading_held = False
            self._transport.resume_reading()
