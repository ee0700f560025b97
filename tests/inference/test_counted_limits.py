import pytest
from entries import CALLER

from penstock.errors import NeverFits, RateLimited
from penstock.inference.counted_limits import CountedLimits
from penstock.inference.request_metrics import LIMITS
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.limits import Limiter, Used, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import Limits
from penstock.tenants.rules import BUDGET, FIGURES


def limited(limits: Limits) -> Caller:
    return Caller("acct", "key", "name", subjects=(Subject("acct", limits),))


async def test_what_is_refused_is_counted_by_the_name_of_its_limit() -> None:
    hits: list[str] = []
    limiter: Limiter = CountedLimits(MemoryLimits(), hits.append)
    caller = limited(Limits(requests_per_minute=1, output_tokens_per_minute=100))
    grant = await limiter.admit(caller, "m", Worst(1, 1))
    grant.settle(Used(1, 1))
    assert hits == []
    with pytest.raises(RateLimited):
        await limiter.admit(caller, "m", Worst(1, 1))
    with pytest.raises(NeverFits):
        await limiter.admit(limited(Limits(output_tokens_per_minute=100)), "m", Worst(1, 101))
    assert hits == ["requests_per_minute", "output_tokens_per_minute"]


async def test_where_somebody_stands_is_what_the_other_says() -> None:
    inner = MemoryLimits()
    caller = limited(Limits(requests_per_minute=5))
    await inner.admit(caller, "m", Worst(1, 1))
    counted = CountedLimits(inner, lambda _: None)
    assert counted.standing(caller).requests.remaining == inner.standing(caller).requests.remaining == 4
    assert counted.standing(CALLER, "m") == inner.standing(CALLER, "m")


def test_every_limit_there_is_has_a_count() -> None:
    assert set(LIMITS) == {*FIGURES, BUDGET}
