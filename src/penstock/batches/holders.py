"""Whose rights and limits hold for the lines of a batch: those of the key that made it, as they are now."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.errors import ApiError, DatabaseAway, InvalidKey
from penstock.tenants.caller import Caller, figure
from penstock.tenants.callers import CACHE_SECONDS, Callers
from penstock.tenants.limits import NO_LIMIT, Limiter

_KEPT = 10
"""One part in so many of each limit is left to real-time requests."""
_LONGEST_WAIT_SECONDS = 10.0
"""After it a limit is looked at again: it may have been changed."""


@dataclass(frozen=True)
class _Known:
    caller: Caller | InvalidKey
    until: float


class Holders:
    """Finds callers by the ids of their keys, and how many lines of theirs may run now.

    Real-time requests of the same key come first: lines leave a tenth of every limit to them, and one place at least of
    those at once.
    """

    def __init__(self, callers: Callers, limiter: Limiter, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._callers = callers
        self._limiter = limiter
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._asking = asyncio.Lock()
        self._waits: dict[str, float] = {}
        self._running: dict[str, int] = {}

    async def find(self, key_id: str) -> Caller:
        """Who holds this key, as it was within the last 5 s. Raises InvalidKey, PermissionDenied or DatabaseAway."""
        known = self._known.get(key_id)
        if known is None or known.until <= self._monotonic():
            async with self._asking:  # one asks, for all lines that wait for the same answer
                now = self._monotonic()
                self._known = {key: each for key, each in self._known.items() if each.until > now}
                known = self._known.get(key_id) or await self._ask(key_id, now)
                self._known[key_id] = known
        if isinstance(known.caller, InvalidKey):
            raise known.caller
        known.caller.require("batch")
        return known.caller

    async def _ask(self, key_id: str, now: float) -> _Known:
        try:
            found: Caller | InvalidKey = await self._callers.of_key(key_id)
        except InvalidKey as error:
            found = error
        return _Known(found, now + CACHE_SECONDS)

    async def room(self, key_id: str, model: str, *, most: int) -> int:
        """How many lines for this model may be claimed now. What is refused anyway may: it fails at once."""
        if self._waits.get(key_id, 0.0) > self._monotonic():
            return 0
        try:
            caller = await self.find(key_id)
        except DatabaseAway:
            return 0
        except ApiError:
            return most
        room = min(most, self._places(caller, model) - self._running.get(key_id, 0))
        standing = self._limiter.standing(caller, model)
        for allowance in (standing.requests, standing.tokens):
            if 0 < allowance.limit < NO_LIMIT and allowance.remaining <= allowance.limit // _KEPT:
                self.wait(key_id, allowance.reset_seconds)
                return 0
        requests = standing.requests
        if 0 < requests.limit < NO_LIMIT:
            room = min(room, requests.remaining - requests.limit // _KEPT)
        return max(0, room)

    def wait(self, key_id: str, seconds: float | None) -> None:
        """Claim no lines of this key for so long."""
        self._waits[key_id] = self._monotonic() + min(seconds or 1.0, _LONGEST_WAIT_SECONDS)

    @contextmanager
    def running(self, key_id: str) -> Iterator[None]:
        """A line of this key runs while the block does."""
        self._running[key_id] = self._running.get(key_id, 0) + 1
        try:
            yield
        finally:
            self._running[key_id] -= 1
            if not self._running[key_id]:
                del self._running[key_id]

    def _places(self, caller: Caller, model: str) -> int:
        """Requests at once that lines may be."""
        figures = (figure(subject.limits, model, "concurrency") for subject in caller.subjects)
        least = min((found for found in figures if found), default=NO_LIMIT)
        return least - max(1, least // _KEPT) if least > 1 else least
