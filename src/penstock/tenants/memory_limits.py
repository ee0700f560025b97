"""Limits of one server: all counts in this process, and every decision one step that nothing comes between."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from penstock.tenants.caller import Caller
from penstock.tenants.counts import STALE_SECONDS, Sliding
from penstock.tenants.limits import NO_LIMIT, Allowance, Figure, Standing, Used, Worst
from penstock.tenants.refusals import Reached, refusal
from penstock.tenants.rules import asked_of
from penstock.tenants.tally import Check, Sheet, Tally

_SHEETS_KEPT = 10_000
_TOUCH_SECONDS = 1.0
"""How often those who come again and again are noted as having come: nobody is forgotten who did so much of late."""


class MemoryGrant:
    """What one request reserved."""

    __slots__ = ("_arrived", "_asked", "_limits", "_settled", "_sheet")

    def __init__(self, limits: "MemoryLimits", sheet: Sheet, asked: tuple[int, ...], now: float) -> None:
        """Takes at once what was checked."""
        self._limits = limits
        self._sheet = sheet
        self._asked = asked
        self._settled = False
        self._arrived = [count.add(now, 1) for count, _ in sheet.requests]
        for held, quantity in sheet.reserved:
            held.held += asked[quantity]

    def settle(self, used: Used | None) -> None:
        """Correct the reservation by what was used; with None give all back, the request included."""
        if self._settled:
            return
        self._settled = True
        sheet, asked = self._sheet, self._asked
        if used is None:
            for (arrivals, _), entry in zip(sheet.requests, self._arrived, strict=True):
                arrivals.give_back(entry, 1)
            for held, quantity in sheet.reserved:
                held.held -= asked[quantity]
            return
        now, amounts = self._limits.monotonic(), (0, 0, used.input_tokens, used.output_tokens, used.cost)
        for count, quantity in sheet.reserved:
            count.held -= asked[quantity]
            if amount := amounts[quantity]:
                count.add(now, amount)

    def standing(self) -> Standing:
        """Where the caller stands now, for the request's model."""
        return self._limits.standing(self._sheet.caller, self._sheet.model)


class MemoryLimits:
    """The `Limiter` of a server that shares its limits with no other.

    A figure counts from when it was first set: what came before, nobody counted. State of whoever has nothing in any
    window is dropped while others come.
    """

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        """`wall` tells the month of a budget, in seconds since 1970; everything else runs by `monotonic`."""
        self.monotonic = monotonic
        self._wall = wall
        self._tallies: OrderedDict[str, Tally] = OrderedDict()
        self._sheets: OrderedDict[tuple[str, str], Sheet] = OrderedDict()

    async def admit(self, caller: Caller, model: str, worst: Worst) -> MemoryGrant:
        return self.admit_now(caller, model, worst)

    def admit_now(self, caller: Caller, model: str, worst: Worst) -> MemoryGrant:
        """Nothing is awaited between the first check and the last thing taken, so nobody comes between."""
        now = self.monotonic()
        self._drop_idle(now)
        sheet, asked = self._sheet(caller, model, now), asked_of(worst)
        for count, quantity, limit in sheet.limited:
            if amount := asked[quantity]:
                used = count.sum if now < count.leaves_at else count.total(now)
                if used + count.held + amount > limit:
                    raise refusal(caller, model, _reached(sheet.checks, asked, now))
        return MemoryGrant(self, sheet, asked, now)

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """Where the caller stands with requests to `model`, or with None those to any model without its own figures."""
        now = self.monotonic()
        sheet = self._sheet(caller, model or "", now)
        return Standing(_tightest(sheet.requests, now), _tightest(sheet.tokens, now))

    def figures(self, caller: Caller, model: str = "") -> list[Figure]:
        """Every limit on requests to `model`, and what there is of it."""
        now = self.monotonic()
        return [_figure(check, now) for check in self.checks(caller, model, now)]

    def checks(self, caller: Caller, model: str, now: float) -> list[Check]:
        """The counts of a request to `model`, made where there are none yet."""
        return self._sheet(caller, model, now).checks

    def _sheet(self, caller: Caller, model: str, now: float) -> Sheet:
        sheet = self._sheets.get((caller.key_id, model))
        if sheet is None or (sheet.caller is not caller and sheet.caller.subjects != caller.subjects):
            sheet = self._new_sheet(caller, model)
        if now >= sheet.touch_at:
            sheet = self._touched(sheet, now)
        return sheet

    def _touched(self, sheet: Sheet, now: float) -> Sheet:
        """The sheet, or one in its place where somebody in it was forgotten and is counted anew."""
        if any(tally.dropped for tally, _ in sheet.tallies):
            sheet = self._new_sheet(sheet.caller, sheet.model)
        for tally, spent in sheet.tallies:
            tally.touched = now
            self._tallies.move_to_end(tally.subject_id)
            if spent:
                tally.money.learn(spent)
        sheet.touch_at = now + _TOUCH_SECONDS
        return sheet

    def _new_sheet(self, caller: Caller, model: str) -> Sheet:
        tallies = []
        for subject in caller.subjects:
            tally = self._tallies.get(subject.id)
            if tally is None:
                tally = self._tallies[subject.id] = Tally(subject.id, self._wall)
            tallies.append(tally)
        sheet = self._sheets[caller.key_id, model] = Sheet(caller, model, tallies)
        if len(self._sheets) > _SHEETS_KEPT:
            self._sheets.popitem(last=False)
        return sheet

    def _drop_idle(self, now: float) -> None:
        # One look for each request: whoever came least recently goes, or is looked at again when all others were.
        oldest = next(iter(self._tallies.values()), None)
        if oldest is None or now - oldest.touched < STALE_SECONDS:
            return
        if oldest.idle(now):
            oldest.dropped = True
            del self._tallies[oldest.subject_id]
        else:
            self._tallies.move_to_end(oldest.subject_id)

    def __len__(self) -> int:
        """Subjects whose use is remembered."""
        return len(self._tallies)


def _reached(checks: Sequence[Check], asked: tuple[int, ...], now: float) -> list[Reached]:
    found = []
    for check in checks:
        counted, amount = check.counted, asked[check.quantity]
        used, held = counted.total(now), counted.held
        if amount and used + held + amount > check.limit:
            wait = counted.wait_seconds(now, used + held + amount - check.limit)
            found.append(Reached(check.rule, used, held, amount, wait))
    return found


def _figure(check: Check, now: float) -> Figure:
    rule, counted = check.rule, check.counted
    used, held = counted.total(now), counted.held
    return Figure(rule.subject_id, rule.model, rule.name, rule.limit, used, held, counted.reset_seconds(now))


def _tightest(counts: Sequence[tuple[Sliding, int]], now: float) -> Allowance:
    """Of these counts and their limits the one with the least left; of several the one with the smallest limit."""
    tightest: Sliding | None = None
    least = smallest = 0
    for count, limit in counts:
        left = limit - (count.sum if now < count.leaves_at else count.total(now)) - count.held
        if tightest is None or left < least or (left == least and limit < smallest):
            tightest, least, smallest = count, left, limit
    if tightest is None:
        return Allowance()
    remaining = 0 if least < 0 else least
    return Allowance(
        smallest if smallest < NO_LIMIT else NO_LIMIT,
        remaining if remaining < NO_LIMIT else NO_LIMIT,
        tightest.reset_seconds(now),
    )
