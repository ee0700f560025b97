"""Sliding windows: how much there was in the last minute or day, whatever moment one asks."""

import math
from collections import deque

RESOLUTION = 512
"""A window is remembered in so many parts, so that its memory is bounded however much comes."""


class Entry:
    """What came within one part of a window. It counts as long as the last that came in it does."""

    __slots__ = ("amount", "first", "last")

    def __init__(self, now: float, amount: int) -> None:
        self.first = now
        self.last = now
        self.amount = amount


class Window:
    """A log of what came when. All times are seconds of one monotonic clock, and never go back.

    What comes within 1/512 of the window's length is kept as one entry, under the time of its last part: everything
    counts for the whole length at least, and for 1/512 of it longer at most. So the sum is never less than what truly
    was in the window, which is half-open: what came exactly its length ago is out.
    """

    __slots__ = ("_entries", "_part", "leaves_at", "seconds", "sum")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sum = 0
        """All that is in it, until `leaves_at`: what lies on the way of every request reads both, and calls nothing."""
        self.leaves_at = math.inf
        """When the first part leaves it, or before; from then on `total` has to be asked."""
        self._part = seconds / RESOLUTION
        self._entries: deque[Entry] = deque()

    def total(self, now: float) -> int:
        """All that is in the window that ends now."""
        if now >= self.leaves_at:
            self._let_go(now)
        return self.sum

    def _let_go(self, now: float) -> None:
        entries = self._entries
        while entries and entries[0].last + self.seconds <= now:
            gone = entries.popleft()
            self.sum -= gone.amount
            gone.amount = 0
        self.leaves_at = entries[0].last + self.seconds if entries else math.inf

    def add(self, now: float, amount: int) -> Entry:
        """Count `amount`; the entry is what `give_back` takes."""
        if now >= self.leaves_at:
            self._let_go(now)
        entries = self._entries
        if entries and now - entries[-1].first < self._part:
            entry = entries[-1]
            entry.last = now
            entry.amount += amount
        else:
            if not entries:
                self.leaves_at = now + self.seconds
            entry = Entry(now, amount)
            entries.append(entry)
        self.sum += amount
        return entry

    def give_back(self, entry: Entry, amount: int) -> None:
        """Count `amount` of this entry no more; where it is out of the window already, nothing is left to be done."""
        amount = min(amount, entry.amount)
        entry.amount -= amount
        self.sum -= amount

    def seconds_until_less(self, now: float, by: int) -> float:
        """How long until the sum is less by `by`, or nothing, if nothing more comes."""
        if self.total(now) <= 0 or by <= 0:
            return 0.0
        gone = 0
        for entry in self._entries:
            gone += entry.amount
            if gone >= min(by, self.sum):
                return entry.last + self.seconds - now
        raise AssertionError("the entries have the sum")

    def seconds_until_empty(self, now: float) -> float:
        """How long until nothing is left in it, if nothing more comes."""
        if not self.total(now):
            return 0.0
        return self._entries[-1].last + self.seconds - now

    def __len__(self) -> int:
        """The entries that are kept."""
        return len(self._entries)
