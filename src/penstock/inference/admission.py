"""The bounded queue in front of each engine: never more work over there than it has slots for."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from penstock.engines.engine import Endpoint
from penstock.errors import InvalidRequest, ServerOverloaded

MAX_WAITING = 512
"""Requests that wait in front of one engine; one more is refused at once."""

_SMOOTHING = 0.1
_LONGEST_RETRY_SECONDS = 60


@dataclass(frozen=True)
class Load:
    """How much one engine has to do: its slots, how many are taken, and how many requests wait for one."""

    slots: int = 0
    busy: int = 0
    waiting: int = 0


class Gate:
    """The slots of one engine, given out in order of arrival."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._free = slots
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._service_seconds = 1.0

    async def take(self, places: int) -> None:
        """Wait for `places` slots. Raises ServerOverloaded when too many wait already."""
        if not self._waiting and self._free >= places:
            self._free -= places
            return
        if len(self._waiting) >= MAX_WAITING:
            message = f"{len(self._waiting)} requests wait for this model already."
            raise ServerOverloaded(message, retry_after=self._retry_after())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, places))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(places)  # the turn came in the very moment in which its client left
            else:
                self._next()  # it may have been the one that was too large for what is free
            raise

    @property
    def load(self) -> Load:
        waiting = sum(not turn.cancelled() for turn, _ in self._waiting)
        return Load(self.slots, self.slots - self._free, waiting)

    def leave(self, places: int, seconds: float) -> None:
        """Free `places` that were held for `seconds`."""
        self._service_seconds += _SMOOTHING * (seconds - self._service_seconds)
        self._give_back(places)

    def _give_back(self, places: int) -> None:
        self._free += places
        self._next()

    def _next(self) -> None:
        # Whoever left is passed over here, and nowhere else: a cancelled turn is seen here before its task knows of it.
        self._waiting = deque(entry for entry in self._waiting if not entry[0].cancelled())
        while self._waiting and self._free >= self._waiting[0][1]:
            turn, places = self._waiting.popleft()
            self._free -= places
            turn.set_result(None)

    def _retry_after(self) -> int:
        rounds = len(self._waiting) / self.slots
        return max(1, min(_LONGEST_RETRY_SECONDS, round(rounds * self._service_seconds)))


class Admission:
    """Lets requests in to engines."""

    def __init__(self) -> None:
        self._gates: WeakKeyDictionary[Endpoint, Gate] = WeakKeyDictionary()

    def load(self, endpoint: Endpoint) -> Load:
        """What waits for the endpoint and runs on it now."""
        gate = self._gates.get(endpoint)
        return Load(endpoint.slots) if gate is None else gate.load

    def lines(self, endpoint: Endpoint) -> int:
        """How many lines of batches are worth having at the door: those that run, and some that wait."""
        return endpoint.slots

    @asynccontextmanager
    async def enter(self, endpoint: Endpoint, *, places: int) -> AsyncIterator[None]:
        """Hold `places` slots (one per choice) of the endpoint while the block runs."""
        gate = self._gates.get(endpoint)
        if gate is None:
            gate = self._gates[endpoint] = Gate(endpoint.slots)
        if places > gate.slots:
            raise InvalidRequest(f"n may be {gate.slots} at most for this model.", param="n")
        await gate.take(places)
        entered = time.monotonic()
        try:
            yield
        finally:
            gate.leave(places, time.monotonic() - entered)
