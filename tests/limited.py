"""A clock that stands still, and callers with the figures that a test wants."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from penstock.tenants.caller import Caller, Subject
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import Plan

T = TypeVar("T")


class Clock:
    """Seconds that pass when a test says so, whole parts of 1/1024 as a rule so that sums of them are exact."""

    def __init__(self, *, wall: float = 1_790_000_000.0) -> None:
        self.now = 4096.0
        self._began = wall - self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def limits(self) -> MemoryLimits:
        return MemoryLimits(monotonic=lambda: self.now, wall=lambda: self._began + self.now)


def caller_of(*, spent: int = 0, **figures: Any) -> Caller:
    """Somebody whose account has a plan with these figures."""
    plan = msgspec.convert(figures, Plan)
    return Caller("acct", "key", "", plan_name="test", plan=plan, subjects=(Subject("acct", plan, spent),))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that never waits for anything: it must be done at its first step."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise AssertionError("it waited")
