"""Limits of one server: all counts in this process, and every decision one step that nothing comes between."""

import time
from collections import OrderedDict
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from penstock.tenants.caller import Caller, Subject
from penstock.tenants.counts import STALE_SECONDS, Arrivals, Count, Money, Places, Tokens
from penstock.tenants.limits import NO_LIMIT, Allowance, Figure, Standing, Used, Worst
from penstock.tenants.plans import Limits
from penstock.tenants.refusals import Reached, refusal
from penstock.tenants.rules import Quantity, Rule, asked_of, rules_of
from penstock.tenants.windows import Entry

_SHOWN = (Quantity.REQUESTS, Quantity.INPUT, Quantity.OUTPUT)
"""What the headers of an answer tell of."""


class Check(NamedTuple):
    """A rule beside its count."""

    counted: Count
    quantity: Quantity
    limit: int
    rule: Rule


class Tally:
    """All that is counted for one subject: an account or a key."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.money = Money(wall)
        self.touched = 0.0
        self._counts: dict[tuple[str, str], Count] = {}
        self._limits = Limits()
        self._checks: dict[str, list[Check]] = {}

    def checks(self, subject: Subject, model: str) -> list[Check]:
        """The checks of a request to `model`; counts go on where a limit was changed since the last."""
        if subject.limits is not self._limits:
            if subject.limits != self._limits:
                self._checks.clear()
            self._limits = subject.limits
        found = self._checks.get(model)
        if found is None:
            found = self._checks[model] = [
                Check(self._count(rule), rule.quantity, rule.limit, rule)
                for rule in rules_of(subject.id, subject.limits, model)
            ]
        return found

    def _count(self, rule: Rule) -> Count:
        count = self._counts.get((rule.model, rule.name))
        if count is None:
            count = self._counts[rule.model, rule.name] = self._new_count(rule)
        return count

    def _new_count(self, rule: Rule) -> Count:
        if rule.quantity is Quantity.MONEY:
            return self.money
        if rule.quantity is Quantity.PLACES:
            return Places()
        return Arrivals(rule.seconds) if rule.quantity is Quantity.REQUESTS else Tokens(rule.seconds)

    def idle(self, now: float) -> bool:
        """Whether nothing is lost without it: of money the ledger knows by then."""
        if now - self.touched < STALE_SECONDS:
            return False
        return not any(count.held or (count is not self.money and count.used(now)) for count in self._counts.values())


class MemoryGrant:
    """What one request reserved."""

    __slots__ = ("_asked", "_caller", "_checks", "_limits", "_model", "_settled", "_taken")

    def __init__(
        self, limits: "MemoryLimits", caller: Caller, model: str, *, checks: list[Check], asked: tuple[int, ...]
    ) -> None:
        """Takes at once what was checked."""
        now = limits.monotonic()
        self._limits = limits
        self._caller = caller
        self._model = model
        self._checks = checks
        self._asked = asked
        self._settled = False
        self._taken: list[Entry | None] = [check[0].take(now, asked[check[1]]) for check in checks]

    def settle(self, used: Used | None) -> None:
        """Correct the reservation by what was used; with None give all back, the request included."""
        if self._settled:
            return
        self._settled = True
        now, asked = self._limits.monotonic(), self._asked
        if used is None:
            for (count, quantity, _, _), taken in zip(self._checks, self._taken, strict=True):
                count.settle(now, asked[quantity], None, taken)
            return
        amounts = (1, 1, used.input_tokens, used.output_tokens, used.cost)
        for (count, quantity, _, _), taken in zip(self._checks, self._taken, strict=True):
            count.settle(now, asked[quantity], amounts[quantity], taken)

    def standing(self) -> Standing:
        """Where the caller stands now, for the request's model."""
        return self._limits.standing(self._caller, self._model)


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

    async def admit(self, caller: Caller, model: str, worst: Worst) -> MemoryGrant:
        """Nothing is awaited between the first check and the last thing taken, so nobody comes between."""
        now = self.monotonic()
        self._drop_idle(now)
        checks, asked = self.checks(caller, model, now), asked_of(worst)
        reached = [
            check
            for check in checks
            if (amount := asked[check[1]]) and check[0].used(now) + check[0].held + amount > check[2]
        ]
        if reached:
            raise refusal(caller, model, [_reached(check, asked[check.quantity], now) for check in reached])
        return MemoryGrant(self, caller, model, checks=checks, asked=asked)

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """Where the caller stands with requests to `model`, or with None those to any model without its own figures."""
        now = self.monotonic()
        left = [
            (check.limit - check.counted.used(now) - check.counted.held, check.limit, check)
            for check in self.checks(caller, model or "", now)
            if check.quantity in _SHOWN
        ]
        requests = [each for each in left if each[2].quantity is Quantity.REQUESTS]
        tokens = [each for each in left if each[2].quantity is not Quantity.REQUESTS]
        return Standing(_tightest(requests, now), _tightest(tokens, now))

    def figures(self, caller: Caller, model: str = "") -> list[Figure]:
        """Every limit on requests to `model`, and what there is of it."""
        now = self.monotonic()
        return [_figure(check, now) for check in self.checks(caller, model, now)]

    def checks(self, caller: Caller, model: str, now: float) -> list[Check]:
        """The counts of a request to `model`, made where there are none yet."""
        checks: list[Check] = []
        for subject in caller.subjects:
            tally = self._tallies.get(subject.id)
            if tally is None:
                tally = self._tallies[subject.id] = Tally(self._wall)
            else:
                self._tallies.move_to_end(subject.id)
            tally.touched = now
            if subject.limits.monthly_budget is not None:
                tally.money.learn(subject.spent)
            checks += tally.checks(subject, model)
        return checks

    def _drop_idle(self, now: float) -> None:
        # One look for each request: whoever came least recently goes, or is looked at again when all others were.
        for subject_id, tally in self._tallies.items():
            if tally.idle(now):
                del self._tallies[subject_id]
            elif now - tally.touched >= STALE_SECONDS:
                self._tallies.move_to_end(subject_id)
            break

    def __len__(self) -> int:
        """Subjects whose use is remembered."""
        return len(self._tallies)


def _reached(check: Check, asked: int, now: float) -> Reached:
    counted = check.counted
    used, held = counted.used(now), counted.held
    return Reached(check.rule, used, held, asked, counted.wait_seconds(now, used + held + asked - check.limit))


def _figure(check: Check, now: float) -> Figure:
    rule, counted = check.rule, check.counted
    used, held = counted.used(now), counted.held
    return Figure(rule.subject_id, rule.model, rule.name, rule.limit, used, held, counted.reset_seconds(now))


def _tightest(left: list[tuple[int, int, Check]], now: float) -> Allowance:
    if not left:
        return Allowance()
    remaining, limit, check = min(left, key=itemgetter(0, 1))
    return Allowance(min(limit, NO_LIMIT), min(max(0, remaining), NO_LIMIT), check.counted.reset_seconds(now))
