"""The limits of one server against a naive model that remembers every event."""

import asyncio
from typing import Any

import pytest
from limited import Clock, caller_of

from penstock.errors import InsufficientQuota, NeverFits, RateLimited
from penstock.protocol.price import PICOS
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.counts import STALE_SECONDS
from penstock.tenants.limits import NO_LIMIT, Standing, Used, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import Limits, Plan

ONE = Worst(1, 1)


async def refused(limits: MemoryLimits, caller: Caller, worst: Worst = ONE, model: str = "m") -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await limits.admit(caller, model, worst)
    return caught.value


async def test_what_is_over_names_the_figure_its_owner_and_when_it_frees() -> None:
    clock = Clock()
    limits, caller = clock.limits(), caller_of(requests_per_minute=2)
    await limits.admit(caller, "m", ONE)
    clock.advance(12)
    await limits.admit(caller, "m", ONE)
    error = await refused(limits, caller)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert (error.limit, error.retry_after) == ("requests_per_minute", 48)
    assert error.message == (
        "Rate limit reached for m on requests per minute: The plan test allows 2; 2 used, 1 asked for. "
        "Please try again in 48s."
    )
    clock.advance(48)
    await limits.admit(caller, "m", ONE)


@pytest.mark.parametrize(
    ("figure", "value", "says"),
    [
        ("requests_per_minute", 1, "requests per minute: The plan test allows 1; 1 used, 1 asked for."),
        ("requests_per_day", 1, "requests per day: The plan test allows 1; 1 used, 1 asked for."),
        ("concurrency", 1, "requests at once: The plan test allows 1; 1 used, 1 asked for."),
        ("input_tokens_per_minute", 150, "input tokens per minute: The plan test allows 150; 0 used, 100 held by "),
        ("input_tokens_per_day", 150, "input tokens per day: The plan test allows 150; 0 used, 100 held by "),
        ("output_tokens_per_minute", 15, "output tokens per minute: The plan test allows 15; 0 used, 10 held by "),
        ("output_tokens_per_day", 15, "output tokens per day: The plan test allows 15; 0 used, 10 held by "),
    ],
)
async def test_each_figure_holds(figure: str, value: int, says: str) -> None:
    limits, caller = Clock().limits(), caller_of(**{figure: value})
    grant = await limits.admit(caller, "m", Worst(100, 10))
    error = await refused(limits, caller, Worst(100, 10))
    assert (error.limit, error.should_retry) == (figure, True)
    assert says in error.message
    grant.settle(None)
    (await limits.admit(caller, "m", Worst(100, 10))).settle(None)


async def test_what_requests_under_way_hold_frees_in_a_second_perhaps() -> None:
    limits = Clock().limits()
    for figures, worst in (({"concurrency": 1}, ONE), ({"output_tokens_per_day": 100}, Worst(0, 60))):
        caller = caller_of(**figures)
        grant = await limits.admit(caller, "m", worst)
        assert (await refused(limits, caller, worst)).retry_after == 1
        grant.settle(None)


async def test_more_than_a_limit_in_all_never_fits() -> None:
    limits = Clock().limits()
    error = await refused(limits, caller_of(input_tokens_per_minute=100), Worst(101, 1))
    assert isinstance(error, NeverFits)
    assert (error.should_retry, error.retry_after, error.code) == (False, None, "rate_limit_exceeded")
    assert isinstance(await refused(limits, caller_of(requests_per_day=0)), NeverFits)
    with_other = await refused(limits, caller_of(requests_per_day=0, concurrency=0))
    assert isinstance(with_other, NeverFits)


async def test_what_is_not_asked_for_passes_a_figure_that_is_used_up() -> None:
    limits, caller = Clock().limits(), caller_of(output_tokens_per_minute=10)
    (await limits.admit(caller, "m", Worst(1, 10))).settle(Used(1, 10))
    await limits.admit(caller, "vectors", Worst(500, 0))
    await refused(limits, caller)


async def test_the_real_count_stands_in_for_the_worst_case() -> None:
    clock = Clock()
    limits, caller = clock.limits(), caller_of(output_tokens_per_minute=100)
    grant = await limits.admit(caller, "m", Worst(1, 100))
    clock.advance(5)
    grant.settle(Used(1, 30))
    grant.settle(Used(1, 30))
    grant.settle(None)
    assert limits.standing(caller).tokens.remaining == 70
    (await limits.admit(caller, "m", Worst(1, 70))).settle(None)
    error = await refused(limits, caller, Worst(1, 71))
    assert error.retry_after == 60  # from when it ended


async def test_only_what_failed_gives_its_request_back() -> None:
    limits, caller = Clock().limits(), caller_of(requests_per_minute=1)
    (await limits.admit(caller, "m", ONE)).settle(None)
    (await limits.admit(caller, "m", ONE)).settle(Used(0, 0))
    await refused(limits, caller)


async def test_nothing_is_taken_of_a_request_that_is_refused() -> None:
    limits, caller = Clock().limits(), caller_of(requests_per_minute=5, concurrency=5, input_tokens_per_minute=10)
    for _ in range(10):
        await refused(limits, caller, Worst(11, 1))
    assert limits.standing(caller).requests.remaining == 5
    for _ in range(5):
        await limits.admit(caller, "m", Worst(2, 1))


async def test_of_many_at_once_as_many_get_in_as_there_is_room_for() -> None:
    limits, caller = Clock().limits(), caller_of(requests_per_minute=60, concurrency=100)
    outcomes = await asyncio.gather(*(limits.admit(caller, "m", ONE) for _ in range(200)), return_exceptions=True)
    assert sum(not isinstance(outcome, RateLimited) for outcome in outcomes) == 60


class TestSubjects:
    """Account, key, and the keys that a key was made by."""

    async def test_a_key_narrows_and_its_maker_counts_along(self) -> None:
        limits = Clock().limits()
        account = Subject("acct", Plan(requests_per_minute=10))
        maker = Subject("maker", Limits(requests_per_minute=3))
        made = Caller("acct", "made", "", subjects=(account, Subject("made", Limits(requests_per_minute=2)), maker))
        by_maker = Caller("acct", "maker", "", subjects=(account, maker))
        for _ in range(2):
            await limits.admit(made, "m", ONE)
        error = await refused(limits, made)
        assert "This API key allows 2" in error.message
        await limits.admit(by_maker, "m", ONE)
        assert "This API key allows 3" in (await refused(limits, by_maker)).message
        other = Caller("acct", "other", "", subjects=(account, maker))
        assert "The API key that made this one allows 3" in (await refused(limits, other)).message
        assert limits.standing(Caller("acct", "k", "", subjects=(account,))).requests.remaining == 7

    async def test_the_longest_wait_of_all_that_are_reached_is_told(self) -> None:
        limits = Clock().limits()
        caller = caller_of(requests_per_minute=1, requests_per_day=1, concurrency=1)
        await limits.admit(caller, "m", ONE)
        error = await refused(limits, caller)
        assert (error.limit, error.retry_after) == ("requests_per_day", 86400)

    async def test_a_figure_of_a_model_counts_that_model_alone(self) -> None:
        limits = Clock().limits()
        caller = caller_of(requests_per_minute=2, models={"dear": {"requests_per_minute": 1}})
        await limits.admit(caller, "dear", ONE)
        assert "The plan test allows 1 for dear" in (await refused(limits, caller, model="dear")).message
        for _ in range(2):
            await limits.admit(caller, "cheap", ONE)
        await refused(limits, caller, model="other")
        assert limits.standing(caller, "dear").requests.limit == 1
        assert limits.standing(caller).requests.limit == 2

    async def test_a_model_counts_in_with_the_others_for_what_it_has_no_figure_for(self) -> None:
        limits = Clock().limits()
        caller = caller_of(requests_per_minute=2, concurrency=3, models={"dear": {"concurrency": 1}})
        await limits.admit(caller, "dear", ONE)
        await limits.admit(caller, "cheap", ONE)
        assert (await refused(limits, caller)).limit == "requests_per_minute"


class TestChangedPlans:
    async def test_counts_go_on_under_a_new_figure(self) -> None:
        limits = Clock().limits()
        for _ in range(3):
            await limits.admit(caller_of(requests_per_minute=5), "m", ONE)
        assert "allows 2; 3 used" in (await refused(limits, caller_of(requests_per_minute=2))).message
        assert limits.standing(caller_of(requests_per_minute=2)).requests.remaining == 0
        await limits.admit(caller_of(requests_per_minute=4), "m", ONE)
        await limits.admit(caller_of(), "m", ONE)

    async def test_what_is_under_way_is_settled_under_the_figures_that_it_began_with(self) -> None:
        limits = Clock().limits()
        grant = await limits.admit(caller_of(output_tokens_per_minute=50, concurrency=1), "m", Worst(1, 40))
        assert (await refused(limits, caller_of(concurrency=1, output_tokens_per_day=9))).limit == "concurrency"
        grant.settle(Used(1, 20))
        assert limits.standing(caller_of(output_tokens_per_minute=30)).tokens.remaining == 10


class TestBudget:
    PRICE = PICOS // 100

    async def test_it_is_for_a_month_of_the_calendar(self) -> None:
        clock = Clock(wall=1_796_083_200.0 - 10)  # ten seconds before December 2026
        limits, caller = clock.limits(), caller_of(monthly_budget=1.0)
        (await limits.admit(caller, "m", Worst(1, 1, PICOS))).settle(Used(1, 1, PICOS))
        error = await refused(limits, caller, Worst(1, 1, self.PRICE))
        assert isinstance(error, InsufficientQuota)
        assert (error.type, error.code, error.should_retry, error.retry_after) == (
            *("insufficient_quota", "insufficient_quota"),
            *(False, None),
        )
        assert "on the monthly budget: The plan test allows 1; 1 used, 0.01 asked for." in error.message
        clock.advance(10)
        await limits.admit(caller, "m", Worst(1, 1, PICOS))

    async def test_what_the_ledger_knows_counts_and_never_twice(self) -> None:
        limits = Clock().limits()
        (await limits.admit(caller_of(monthly_budget=1.0, spent=60 * self.PRICE), "m", ONE)).settle(
            Used(1, 1, 10 * self.PRICE)
        )
        at_last = caller_of(monthly_budget=1.0, spent=70 * self.PRICE)
        assert isinstance(await refused(limits, at_last, Worst(1, 1, 31 * self.PRICE)), InsufficientQuota)
        await limits.admit(at_last, "m", Worst(1, 1, 30 * self.PRICE))

    async def test_an_old_word_of_the_ledger_does_not_spend_a_new_month(self) -> None:
        clock = Clock(wall=1_796_083_200.0 + STALE_SECONDS - 1)
        limits, caller = clock.limits(), caller_of(monthly_budget=1.0, spent=PICOS)
        (await limits.admit(caller, "m", Worst(1, 1, PICOS))).settle(None)
        clock.advance(1)
        await refused(limits, caller, Worst(1, 1, PICOS))

    async def test_what_is_only_held_comes_back(self) -> None:
        limits, caller = Clock().limits(), caller_of(monthly_budget=1.0)
        grant = await limits.admit(caller, "m", Worst(1, 1, 80 * self.PRICE))
        error = await refused(limits, caller, Worst(1, 1, 80 * self.PRICE))
        assert not isinstance(error, InsufficientQuota)
        assert (error.limit, error.retry_after) == ("monthly_budget", 1)
        grant.settle(Used(1, 1, 10 * self.PRICE))
        await limits.admit(caller, "m", Worst(1, 1, 80 * self.PRICE))

    async def test_what_is_free_of_charge_runs_when_it_is_spent(self) -> None:
        limits = Clock().limits()
        await limits.admit(caller_of(monthly_budget=0.0, spent=PICOS), "m", ONE)


class TestStanding:
    async def test_without_limits_it_says_so(self) -> None:
        limits = Clock().limits()
        assert limits.standing(caller_of()) == Standing()
        assert (await limits.admit(Caller("a", "k", ""), "m", ONE)).standing().requests.remaining == NO_LIMIT

    async def test_the_tightest_is_shown_and_when_it_is_whole_again(self) -> None:
        clock = Clock()
        limits = clock.limits()
        caller = caller_of(requests_per_minute=10, requests_per_day=100, input_tokens_per_day=1000)
        grant = await limits.admit(caller, "m", Worst(300, 1))
        standing = grant.standing()
        assert (standing.requests.limit, standing.requests.remaining, standing.requests.reset_seconds) == (10, 9, 60)
        assert (standing.tokens.limit, standing.tokens.remaining, standing.tokens.reset_seconds) == (1000, 700, 86400)
        clock.advance(6)
        grant.settle(Used(100, 1))
        clock.advance(14)
        assert grant.standing().requests.reset_seconds == 40
        assert (grant.standing().tokens.remaining, grant.standing().tokens.reset_seconds) == (900, 86386)

    async def test_larger_figures_than_clients_read_are_told_as_the_largest(self) -> None:
        standing = Clock().limits().standing(caller_of(input_tokens_per_day=1 << 40))
        assert (standing.tokens.limit, standing.tokens.remaining) == (NO_LIMIT, NO_LIMIT)


class TestMemory:
    async def test_whoever_has_nothing_in_any_window_is_forgotten(self) -> None:
        clock = Clock()
        limits = clock.limits()
        for number in range(100):
            await limits.admit(named(f"acct{number}", requests_per_minute=1), "m", ONE)
        clock.advance(STALE_SECONDS)
        last = named("last")
        for _ in range(100):
            await limits.admit(last, "m", ONE)
        assert len(limits) == 1

    async def test_whoever_has_is_not(self) -> None:
        clock = Clock()
        limits, daily, busy = clock.limits(), named("daily", requests_per_day=1), named("busy", concurrency=1)
        await limits.admit(daily, "m", ONE)
        await limits.admit(busy, "m", ONE)
        clock.advance(STALE_SECONDS)
        for _ in range(10):
            await limits.admit(named("last"), "m", ONE)
        await refused(limits, daily)
        await refused(limits, busy)

    async def test_who_was_forgotten_counts_together_with_those_that_came_since(self) -> None:
        clock = Clock()
        limits, account = clock.limits(), (Subject("acct", Plan(requests_per_minute=2)),)
        one, other = Caller("acct", "one", "", subjects=account), Caller("acct", "other", "", subjects=account)
        await limits.admit(one, "m", ONE)
        clock.advance(STALE_SECONDS)
        for _ in range(2):
            await limits.admit(other, "m", ONE)
        assert limits.standing(one, "m").requests.remaining == 0
        await refused(limits, one)


def named(account_id: str, **figures: Any) -> Caller:
    return Caller(account_id, "k", "", subjects=(Subject(account_id, Plan(**figures)),))
