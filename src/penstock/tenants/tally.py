"""What one server has counted: a tally for each subject, and a sheet of them for the requests of a caller."""

import math
from collections.abc import Callable
from typing import NamedTuple

from penstock.tenants.caller import Caller, Subject
from penstock.tenants.counts import STALE_SECONDS, Count, Money, Places, Sliding
from penstock.tenants.plans import Limits
from penstock.tenants.rules import Quantity, Rule, rules_of


class Check(NamedTuple):
    """A rule beside its count."""

    counted: Count
    quantity: Quantity
    limit: int
    rule: Rule


class Tally:
    """All that is counted for one subject: an account or a key."""

    def __init__(self, subject_id: str, wall: Callable[[], float]) -> None:
        self.subject_id = subject_id
        self.money = Money(wall)
        self.touched = 0.0
        self.dropped = False
        """Whether it is forgotten: what comes is counted in another."""
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
        return Places() if rule.quantity is Quantity.PLACES else Sliding(rule.seconds)

    def idle(self, now: float) -> bool:
        """Whether nothing is lost without it: of money the ledger knows by then."""
        if now - self.touched < STALE_SECONDS:
            return False
        return not any(count.held or (count is not self.money and count.total(now)) for count in self._counts.values())


class Sheet:
    """The checks of one caller's requests to one model, sorted once into what every request does with them.

    It holds as long as its callers have the same subjects: whatever changes a rule, or what was spent, changes those.
    """

    __slots__ = ("caller", "checks", "limited", "model", "requests", "reserved", "tallies", "tokens", "touch_at")

    def __init__(self, caller: Caller, model: str, tallies: list[Tally]) -> None:
        self.caller = caller
        self.model = model
        self.touch_at = -math.inf
        """When its tallies are to be told again that they are in use."""
        pairs = list(zip(tallies, caller.subjects, strict=True))
        self.tallies = [
            (tally, 0 if subject.limits.monthly_budget is None else subject.spent) for tally, subject in pairs
        ]
        """Each with what the ledger says was spent of a budget."""
        self.checks = [check for tally, subject in pairs for check in tally.checks(subject, model)]
        self.limited = [(check.counted, int(check.quantity), check.limit) for check in self.checks]
        """Every count, the place of its quantity in what a request asks for, and its limit."""
        self.requests = self._of(Quantity.REQUESTS)
        self.tokens = self._of(Quantity.INPUT, Quantity.OUTPUT)
        self.reserved = [each[:2] for each in self.limited if each[1] != Quantity.REQUESTS]
        """What requests hold while they are under way: all but the requests themselves, which count at once."""

    def _of(self, *quantities: Quantity) -> list[tuple[Sliding, int]]:
        """Counts with their limits."""
        return [
            (check.counted, check.limit)
            for check in self.checks
            if check.quantity in quantities and isinstance(check.counted, Sliding)
        ]
