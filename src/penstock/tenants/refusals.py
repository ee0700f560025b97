"""What is said to a request that is over a limit: which one, whose, how much of it is left, and when it frees."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.errors import InsufficientQuota, NeverFits, RateLimited
from penstock.protocol.price import PICOS
from penstock.tenants.caller import Caller
from penstock.tenants.limits import duration
from penstock.tenants.rules import DAY, Quantity, Rule, owner_of

UNDER_WAY_SECONDS = 1.0
"""When to come back for what requests under way hold: nobody knows when they end, and most do soon."""

_NEXT_MONTH = "It begins anew with the next month (UTC); until then only a larger budget helps."
_UNITS = {
    Quantity.REQUESTS: "requests",
    Quantity.PLACES: "requests at once",
    Quantity.INPUT: "input tokens",
    Quantity.OUTPUT: "output tokens",
    Quantity.MONEY: "a month",
}


@dataclass(frozen=True, slots=True)
class Reached:
    """A rule that has no room for a request."""

    rule: Rule
    used: int
    """Of its limit: what was used in its window or month."""
    held: int
    """The same: what requests under way may come to use."""
    asked: int
    wait_seconds: float
    """When there is room, if nothing else comes."""

    @property
    def for_ever(self) -> bool:
        """Whether no waiting helps."""
        return self.asked > self.rule.limit

    @property
    def money(self) -> bool:
        """Whether money is gone, and not only held by requests under way."""
        return self.rule.quantity is Quantity.MONEY and self.used + self.asked > self.rule.limit


def refusal(caller: Caller, model: str, reached: Sequence[Reached]) -> RateLimited:
    """The error for whoever reached these rules: the one that no waiting mends, or the one that takes longest."""
    for each in reached:
        if each.money:
            return InsufficientQuota(_message(caller, model, each, _NEXT_MONTH), limit=each.rule.name)
    for each in reached:
        if each.for_ever:
            end = "No waiting helps: ask for less, or for a larger limit."
            return NeverFits(_message(caller, model, each, end), limit=each.rule.name)
    last = max(reached, key=lambda each: each.wait_seconds)
    end = f"Please try again in {duration(last.wait_seconds).decode()}."
    return RateLimited(_message(caller, model, last, end), limit=last.rule.name, retry_after=last.wait_seconds)


def _message(caller: Caller, model: str, reached: Reached, end: str) -> str:
    rule = reached.rule
    whose = owner_of(rule.subject_id, caller)
    # The first words are those of OpenAI's own message, by which clients and people know it.
    start = f"Rate limit reached for {model} on {_named(rule)}: {whose[0].upper()}{whose[1:]}"
    where = f" for {rule.model}" if rule.model else ""
    allows, used, held, asked = (
        _amount(rule, amount) for amount in (rule.limit, reached.used, reached.held, reached.asked)
    )
    under_way = f", {held} held by requests under way" if reached.held and rule.quantity is not Quantity.PLACES else ""
    taken = held if rule.quantity is Quantity.PLACES else used
    return f"{start} allows {allows}{where}; {taken} used{under_way}, {asked} asked for. {end}"


def _named(rule: Rule) -> str:
    if rule.quantity is Quantity.MONEY:
        return "the monthly budget"
    over = {0.0: "", DAY: " per day"}.get(rule.seconds, " per minute")
    return f"{_UNITS[rule.quantity]}{over}"


def _amount(rule: Rule, amount: int) -> str:
    return f"{amount / PICOS:.6g}" if rule.quantity is Quantity.MONEY else str(amount)
