"""What each kind of figure counts: requests, places, tokens and money; in memory, for one subject."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from penstock.tenants.refusals import UNDER_WAY_SECONDS
from penstock.tenants.windows import Window

STALE_SECONDS = 120.0
"""How old the ledger's word about a month may be: longer than a key is believed while the database is away."""


class Count(Protocol):
    """What one rule has counted."""

    sum: int
    """What was used and still counts, until `leaves_at`."""
    leaves_at: float
    """From this moment on `total` has to be asked."""
    held: int
    """What requests under way may come to use: theirs to add, and to take off when they end."""

    def total(self, now: float) -> int:
        """What was used and still counts."""

    def add(self, now: float, amount: int) -> object:
        """Count `amount` as used."""

    def wait_seconds(self, now: float, over: int) -> float:
        """When `over` is free of what is taken now, if nothing else comes."""

    def reset_seconds(self, now: float) -> float:
        """When all of it is free, if nothing else comes."""


class Sliding(Window):
    """Requests or tokens of a window.

    Requests count from their admission on, and are never held. Tokens are held while their request is under way, and
    count from its end on: so no window has more of them than the limit, by when requests began as by when they ended.
    """

    __slots__ = ("held",)

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.held = 0

    def wait_seconds(self, now: float, over: int) -> float:
        # Most of what is held comes back, as it is the worst case of each request: wait for the rest alone.
        wait = self.seconds_until_less(now, over - self.held)
        return max(wait, UNDER_WAY_SECONDS) if self.held else wait

    def reset_seconds(self, now: float) -> float:
        return self.seconds if self.held else self.seconds_until_empty(now)


class Places:
    """Requests under way: they are held, and nothing of them counts once they end."""

    __slots__ = ("held",)

    sum = 0
    leaves_at = math.inf

    def __init__(self) -> None:
        self.held = 0

    def total(self, now: float) -> int:
        return 0

    def add(self, now: float, amount: int) -> None:
        """A place is free again."""

    def wait_seconds(self, now: float, over: int) -> float:
        return UNDER_WAY_SECONDS

    def reset_seconds(self, now: float) -> float:
        return UNDER_WAY_SECONDS if self.held else 0.0


class Money:
    """Picos of one month of the calendar in UTC, by this server's own count or the ledger's, whichever is more."""

    __slots__ = ("_began", "_clock", "_ends", "held", "sum")

    leaves_at = -math.inf
    """The month runs by another clock than the windows do, and is looked at each time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.held = 0
        self.sum = 0
        self._clock = clock
        self._began = 0.0
        self._ends = 0.0

    def learn(self, spent: int) -> None:
        """What the ledger said when the key was looked up; at the very start of a month that may be of the last."""
        now = self._turn()
        if spent > self.sum and now >= self._began + STALE_SECONDS:
            self.sum = spent

    def total(self, now: float) -> int:
        self._turn()
        return self.sum

    def add(self, now: float, amount: int) -> None:
        self._turn()
        self.sum += amount

    def wait_seconds(self, now: float, over: int) -> float:
        return UNDER_WAY_SECONDS

    def reset_seconds(self, now: float) -> float:
        return self._ends - self._clock()

    def _turn(self) -> float:
        """Begin the new month where it has come. Gives the time, in seconds since 1970."""
        now = self._clock()
        if now >= self._ends:
            today = datetime.fromtimestamp(now, UTC)
            first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
            self._began, self._ends, self.sum = first.timestamp(), following.timestamp(), 0
        return now
