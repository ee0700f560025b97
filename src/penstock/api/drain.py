"""Shutting down without breaking anybody off: new work is refused, what runs may finish, the rest is told."""

import asyncio
from contextlib import suppress

from penstock.api.exchange import Exchange
from penstock.errors import InvalidRequest, ModelUnavailable

RETRY_SECONDS = 5
_LAST_WORDS_SECONDS = 3.0
"""How long error events may take; a client that does not read them is left behind."""


class Drain:
    """Knows every exchange under way on the hot plane."""

    def __init__(self) -> None:
        self.begun = False
        self._exchanges: set[Exchange] = set()
        self._empty = asyncio.Event()
        """Set once the last exchange has left; looked after only when somebody waits for that."""

    def enter(self, exchange: Exchange) -> None:
        """Count an exchange in. Raises ModelUnavailable once the server is shutting down."""
        if self.begun:
            raise self._refusal()
        self._exchanges.add(exchange)

    def leave(self, exchange: Exchange) -> None:
        self._exchanges.discard(exchange)
        if self.begun and not self._exchanges:
            self._empty.set()

    @property
    def under_way(self) -> int:
        return len(self._exchanges)

    def cancel(self, request_id: str) -> bool:
        """Break off one exchange, whose client is told that somebody wanted it so; False where it is not under way."""
        for exchange in self._exchanges:
            if exchange.request_id == request_id:
                exchange.interrupt(
                    InvalidRequest("The request was cancelled in the console.", code="request_cancelled")
                )
                return True
        return False

    async def finish(self, *, seconds: float) -> None:
        """Refuse new work, wait until what runs is done, and break off with an error what is not done in time."""
        self.begun = True
        if not self._exchanges:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            for exchange in self._exchanges:
                exchange.interrupt(self._refusal())
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await self._empty.wait()

    def _refusal(self) -> ModelUnavailable:
        return ModelUnavailable("The server is shutting down. Try again in a moment.", retry_after=RETRY_SECONDS)
