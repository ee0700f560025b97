"""Which figures hold for a request: one rule for each figure that a plan, a key, or a key's maker has set."""

from dataclasses import dataclass
from enum import IntEnum

from penstock.protocol.price import PICOS
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Worst
from penstock.tenants.plans import Limits, ModelLimits

MINUTE, DAY = 60.0, 86400.0


class Quantity(IntEnum):
    """What a rule counts; also its place in what `asked_of` gives."""

    REQUESTS = 0
    PLACES = 1
    INPUT = 2
    OUTPUT = 3
    MONEY = 4


FIGURES: dict[str, tuple[Quantity, float]] = {
    "requests_per_minute": (Quantity.REQUESTS, MINUTE),
    "requests_per_day": (Quantity.REQUESTS, DAY),
    "concurrency": (Quantity.PLACES, 0.0),
    "input_tokens_per_minute": (Quantity.INPUT, MINUTE),
    "input_tokens_per_day": (Quantity.INPUT, DAY),
    "output_tokens_per_minute": (Quantity.OUTPUT, MINUTE),
    "output_tokens_per_day": (Quantity.OUTPUT, DAY),
}
"""Figure -> what it counts, and over how many seconds; 0: at this moment."""
BUDGET = "monthly_budget"


@dataclass(frozen=True, slots=True)
class Rule:
    """One figure of one subject."""

    subject_id: str
    model: str
    """The model that it counts alone; empty: all that have no figure of their own."""
    name: str
    """As plans have it."""
    limit: int
    """Requests, tokens, or picos of money."""
    quantity: Quantity
    seconds: float
    """The length of its window; 0: there is none."""


def rules_of(subject_id: str, limits: Limits, model: str) -> list[Rule]:
    """The rules for requests to a model; with an empty one, those that are not for one model alone."""
    own = limits.models.get(model)
    rules = []
    for name, (quantity, seconds) in FIGURES.items():
        limit = _named(own, name)
        counted = model if limit is not None else ""
        if limit is None:
            limit = _named(limits, name)
        if limit is not None:
            rules.append(Rule(subject_id, counted, name, limit, quantity, seconds))
    if limits.monthly_budget is not None:
        rules.append(Rule(subject_id, "", BUDGET, round(limits.monthly_budget * PICOS), Quantity.MONEY, 0.0))
    return rules


def _named(limits: ModelLimits | None, name: str) -> int | None:
    found: int | None = getattr(limits, name, None)
    return found


def asked_of(worst: Worst) -> tuple[int, int, int, int, int]:
    """How much of each quantity one request asks for, in their order."""
    return (1, 1, worst.input_tokens, worst.output_tokens, worst.cost)


def owner_of(subject_id: str, caller: Caller) -> str:
    """Whose figure it is, in the words of a message to the caller."""
    if subject_id == caller.account_id:
        return f"the plan {caller.plan_name}" if caller.plan_name else "the account"
    return "this API key" if subject_id == caller.key_id else "the API key that made this one"
