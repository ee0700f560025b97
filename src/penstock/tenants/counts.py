"""What each kind of figure counts: requests, places, tokens and money; in memory, for one subject."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from penstock.tenants.refusals import UNDER_WAY_SECONDS
from penstock.tenants.windows import Entry, Window

STALE_SECONDS = 120.0
"""How old the ledger's word about a month may be: longer than a key is believed while the database is away."""


class Count(Protocol):
    """What one rule has counted."""

    held: int
    """What requests under way may come to use."""

    @property
    def used(self) -> Callable[[float], int]:
        """Of a moment: what was used and still counts."""

    @property
    def take(self) -> Callable[[float, int], Entry | None]:
        """From a moment on, reserve so much for a request."""

    def settle(self, now: float, amount: int, used: int | None, taken: Entry | None) -> None:
        """End the reservation of `amount`; `used` is what counts from now on, None is nothing at all."""

    def wait_seconds(self, now: float, over: int) -> float:
        """When `over` is free of what is taken now, if nothing else comes."""

    def reset_seconds(self, now: float) -> float:
        """When all of it is free, if nothing else comes."""


class Arrivals:
    """Requests of a window: each counts from its admission on."""

    __slots__ = ("_window", "held", "take", "used")

    def __init__(self, seconds: float) -> None:
        self.held = 0
        self._window = Window(seconds)
        self.used = self._window.total
        self.take = self._window.add

    def settle(self, now: float, amount: int, used: int | None, taken: Entry | None) -> None:
        if used is None and taken is not None:
            self._window.give_back(taken, amount)

    def wait_seconds(self, now: float, over: int) -> float:
        return self._window.seconds_until_less(now, over)

    def reset_seconds(self, now: float) -> float:
        return self._window.seconds_until_empty(now)


class Tokens:
    """Tokens of a window: held while their request is under way, and counted from its end on.

    So no window has more of them than the limit, by when requests began as by when they ended.
    """

    __slots__ = ("_window", "held", "used")

    def __init__(self, seconds: float) -> None:
        self.held = 0
        self._window = Window(seconds)
        self.used = self._window.total

    def take(self, now: float, amount: int) -> Entry | None:
        self.held += amount
        return None

    def settle(self, now: float, amount: int, used: int | None, taken: Entry | None) -> None:
        self.held -= amount
        if used:
            self._window.add(now, used)

    def wait_seconds(self, now: float, over: int) -> float:
        # Most of what is held comes back, as it is the worst case of each request: wait for the rest alone.
        wait = self._window.seconds_until_less(now, over - self.held)
        return max(wait, UNDER_WAY_SECONDS) if self.held else wait

    def reset_seconds(self, now: float) -> float:
        return self._window.seconds if self.held else self._window.seconds_until_empty(now)


class Places:
    """Requests under way."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = 0

    def used(self, now: float) -> int:
        return 0

    def take(self, now: float, amount: int) -> Entry | None:
        self.held += amount
        return None

    def settle(self, now: float, amount: int, used: int | None, taken: Entry | None) -> None:
        self.held -= amount

    def wait_seconds(self, now: float, over: int) -> float:
        return UNDER_WAY_SECONDS

    def reset_seconds(self, now: float) -> float:
        return UNDER_WAY_SECONDS if self.held else 0.0


class Money:
    """Picos of one month of the calendar in UTC, by this server's own count or the ledger's, whichever is more."""

    __slots__ = ("_began", "_clock", "_ends", "_spent", "held")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.held = 0
        self._clock = clock
        self._spent = 0
        self._began = 0.0
        self._ends = 0.0

    def learn(self, spent: int) -> None:
        """What the ledger said when the key was looked up; at the very start of a month that may be of the last."""
        self._turn()
        if spent > self._spent and self._clock() >= self._began + STALE_SECONDS:
            self._spent = spent

    def used(self, now: float) -> int:
        self._turn()
        return self._spent

    def take(self, now: float, amount: int) -> Entry | None:
        self.held += amount
        return None

    def settle(self, now: float, amount: int, used: int | None, taken: Entry | None) -> None:
        self.held -= amount
        if used:
            self._turn()
            self._spent += used

    def wait_seconds(self, now: float, over: int) -> float:
        return UNDER_WAY_SECONDS

    def reset_seconds(self, now: float) -> float:
        return self._ends - self._clock()

    def _turn(self) -> None:
        if self._clock() >= self._ends:
            today = datetime.fromtimestamp(self._clock(), UTC)
            first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
            self._began, self._ends, self._spent = first.timestamp(), following.timestamp(), 0
