"""Rules as servers share them: the name of each in the store, and what this server last heard of it."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from penstock.tenants.caller import Caller
from penstock.tenants.limits import NO_LIMIT, Allowance, Figure, Standing, Used
from penstock.tenants.plans import Limits
from penstock.tenants.rules import Quantity, Rule, rules_of

PICOS_IN_UNIT = 1000
"""The store counts money in 10^-9 of the currency: its scripts have 53 bits for a number."""
_SUBJECTS_KEPT = 10_000
_RULES_KEPT = 50_000


class SharedRule(NamedTuple):
    """A rule and its name in the store."""

    id: str
    rule: Rule
    floor: int = 0
    """What was spent at least, in picos, by the ledger."""

    @property
    def limit(self) -> int:
        """In the store's units, rounded so that it is not more."""
        return self.rule.limit // PICOS_IN_UNIT if self.rule.quantity is Quantity.MONEY else self.rule.limit


def id_of(rule: Rule) -> str:
    """The name of a rule in the store; what it counts does not change with its limit."""
    return f"{rule.subject_id}:{rule.name}:{rule.model}"


def in_units(amounts: Sequence[int]) -> tuple[int, ...]:
    """Amounts in the order of quantities, as the store has them, rounded so that they are not less."""
    return (*amounts[: Quantity.MONEY], -(-amounts[Quantity.MONEY] // PICOS_IN_UNIT))


def amounts_of(used: Used) -> tuple[int, ...]:
    """What counts of each quantity once a request ended; a request and its place are not in it."""
    return in_units((0, 0, used.input_tokens, used.output_tokens, used.cost))


class Rulebook:
    """The rules of callers, made once for each subject and model. Bounded."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, tuple[Limits, dict[str, list[SharedRule]]]] = OrderedDict()

    def rules(self, caller: Caller, model: str) -> list[SharedRule]:
        """All rules of a request to `model`; with an empty one, those that are not for one model alone."""
        found: list[SharedRule] = []
        for subject in caller.subjects:
            page = self._pages.get(subject.id)
            if page is None or page[0] is not subject.limits:
                page = self._pages[subject.id] = (subject.limits, {})
                if len(self._pages) > _SUBJECTS_KEPT:
                    self._pages.popitem(last=False)
            rules = page[1].get(model)
            if rules is None:
                rules = page[1][model] = [
                    SharedRule(id_of(rule), rule) for rule in rules_of(subject.id, subject.limits, model)
                ]
            if subject.spent:
                rules = [rule._replace(floor=subject.spent) if _of_money(rule) else rule for rule in rules]
            found += rules
        return found


def _of_money(rule: SharedRule) -> bool:
    return rule.rule.quantity is Quantity.MONEY


@dataclass(slots=True)
class Heard:
    """What the store last said of a rule: used and held of its limit, in its units."""

    rule: Rule
    used: int
    held: int
    at: float
    """By this server's monotonic clock."""
    empty_at: float
    """The same: when nothing is left in its window, if nothing more comes."""

    def used_by(self, now: float) -> int:
        """What is still in the window at most of what was heard."""
        return self.used if not self.rule.seconds or now < self.at + self.rule.seconds else 0


class Hearsay:
    """What was last heard of each rule. Bounded: the oldest goes."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    def learn(self, shared: SharedRule, told: Sequence[int], now: float) -> None:
        """Take an answer of the store: used, held, and microseconds until the window is empty."""
        used, held, reset = told[0], told[1], told[2]
        self._heard[shared.id] = Heard(shared.rule, used, held, now, now + reset / 1e6)
        self._heard.move_to_end(shared.id)
        if len(self._heard) > _RULES_KEPT:
            self._heard.popitem(last=False)

    def get(self, rule_id: str) -> Heard | None:
        return self._heard.get(rule_id)

    def windows(self, now: float) -> Iterator[tuple[str, Heard]]:
        """All that may still have something in their windows."""
        return ((rule_id, each) for rule_id, each in self._heard.items() if each.rule.seconds and each.used_by(now))

    def standing(self, rules: Iterable[SharedRule], now: float) -> Standing:
        """The tightest of these rules; what nothing was heard of is all there."""
        requests, tokens = Allowance(), Allowance()
        for shared in rules:
            quantity = shared.rule.quantity
            if quantity is Quantity.REQUESTS:
                requests = min(requests, self._allowance(shared, now), key=_tightness)
            elif quantity in (Quantity.INPUT, Quantity.OUTPUT):
                tokens = min(tokens, self._allowance(shared, now), key=_tightness)
        return Standing(requests, tokens)

    def figures(self, rules: Iterable[SharedRule], now: float) -> list[Figure]:
        """These rules, and what was last heard of each."""
        return [self._figure(shared, now) for shared in rules]

    def _figure(self, shared: SharedRule, now: float) -> Figure:
        rule, heard = shared.rule, self._heard.get(shared.id)
        unit = PICOS_IN_UNIT if _of_money(shared) else 1
        used, held, reset = 0, 0, 0.0
        if heard is not None and (_of_money(shared) or now < heard.empty_at):
            used, held, reset = heard.used * unit, heard.held * unit, max(0.0, heard.empty_at - now)
        used = max(used, shared.floor)
        return Figure(rule.subject_id, rule.model, rule.name, rule.limit, used, held, reset)

    def _allowance(self, shared: SharedRule, now: float) -> Allowance:
        limit = min(shared.rule.limit, NO_LIMIT)
        heard = self._heard.get(shared.id)
        if heard is None or now >= heard.empty_at:
            return Allowance(limit, limit)
        left = shared.rule.limit - heard.used - heard.held
        return Allowance(limit, min(max(0, left), NO_LIMIT), heard.empty_at - now)


def _tightness(allowance: Allowance) -> tuple[int, int]:
    return allowance.remaining, allowance.limit
