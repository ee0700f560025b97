"""Limits that two servers share by a real Redis: together, cut off from it, and back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from limited import caller_of
from redis.asyncio import Redis
from redis_server import RedisServer

from penstock.errors import InsufficientQuota, NeverFits, RateLimited
from penstock.protocol.price import PICOS
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Free, Grant, Used, Worst
from penstock.tenants.valkey_limits import ValkeyLimits
from penstock.tenants.valkey_store import ValkeyStore

ONE = Worst(1, 1)


@asynccontextmanager
async def sharing(url: str, *, wall: Callable[[], float] | None = None) -> AsyncIterator[ValkeyLimits]:
    limits = ValkeyLimits(ValkeyStore(url), wall=wall) if wall else ValkeyLimits(ValkeyStore(url))
    await limits.start()
    try:
        yield limits
    finally:
        await limits.close()


async def tried(limits: ValkeyLimits, caller: Caller, worst: Worst = ONE) -> Grant | RateLimited:
    try:
        return await limits.admit(caller, "m", worst)
    except RateLimited as error:
        return error


async def admitted(caller: Caller, worst: Worst, *limits: ValkeyLimits, times: int) -> list[Grant]:
    found = await asyncio.gather(*(tried(each, caller, worst) for each in limits for _ in range(times)))
    return [each for each in found if not isinstance(each, RateLimited)]


async def soon(look: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(20):
        while not await look():
            await asyncio.sleep(0.02)


async def is_shared(limits: ValkeyLimits) -> bool:
    return limits.shared


@pytest.mark.parametrize(
    ("figure", "limit", "worst", "fit"),
    [
        ("requests_per_minute", 60, ONE, 60),
        ("requests_per_day", 60, ONE, 60),
        ("concurrency", 10, ONE, 10),
        ("input_tokens_per_minute", 1000, Worst(33, 1), 30),
        ("output_tokens_per_day", 1000, Worst(1, 100), 10),
        ("monthly_budget", 1.0, Worst(1, 1, PICOS // 8), 8),
    ],
)
async def test_two_servers_have_each_limit_once(
    redis_url: str, figure: str, limit: Any, worst: Worst, fit: int
) -> None:
    async with sharing(redis_url) as one, sharing(redis_url) as two:
        caller = caller_of(**{figure: limit})
        grants = await admitted(caller, worst, one, two, times=100)
        assert len(grants) == fit
        error = await tried(two, caller, worst)
        assert isinstance(error, RateLimited)
        assert error.limit == figure
        for grant in grants:
            grant.settle(None)
        await soon(lambda: _fits(two, caller, worst))


async def _fits(limits: ValkeyLimits, caller: Caller, worst: Worst) -> bool:
    return not isinstance(await tried(limits, caller, worst), RateLimited)


async def test_tokens_count_as_they_were_used_and_the_request_stays(redis_url: str) -> None:
    async with sharing(redis_url) as one:
        caller = caller_of(requests_per_minute=10, output_tokens_per_minute=100)
        grant = await one.admit(caller, "m", Worst(5, 100))
        assert grant.standing().tokens.remaining == 0
        grant.settle(Used(5, 30))
        grant.settle(None)
        assert isinstance(await tried(one, caller, Worst(5, 71)), RateLimited)
        second = await one.admit(caller, "m", Worst(5, 70))
        assert (second.standing().requests.remaining, second.standing().tokens.remaining) == (8, 0)
        assert 59 < second.standing().requests.reset_seconds < 61


async def test_what_is_refused_takes_nothing(redis_url: str) -> None:
    async with sharing(redis_url) as one:
        caller = caller_of(requests_per_minute=2, output_tokens_per_minute=100)
        error = await tried(one, caller, Worst(1, 101))
        assert isinstance(error, NeverFits)
        assert len(await admitted(caller, ONE, one, times=5)) == 2
        error = await tried(one, caller)
        assert isinstance(error, RateLimited)
        assert error.retry_after is not None
        assert 58 < error.retry_after < 61
        assert "allows 2; 2 used, 1 asked for" in error.message


async def test_the_ledger_raises_what_was_spent(redis_url: str) -> None:
    async with sharing(redis_url) as one:
        caller = caller_of(spent=2 * PICOS, monthly_budget=1.0)
        assert isinstance(await tried(one, caller, Worst(1, 1, 10)), InsufficientQuota)
        assert isinstance(await one.admit(caller_of(), "m", ONE), Free)


async def test_who_leaves_while_asking_leaves_nothing_behind(redis_url: str) -> None:
    async with sharing(redis_url) as one:
        caller = caller_of(concurrency=1, requests_per_minute=100)
        for rounds in range(8):
            asking = asyncio.create_task(one.admit(caller, "m", ONE))
            for _ in range(rounds):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait({asking})
            if not asking.cancelled():
                asking.result().settle(None)
        await soon(lambda: _fits(one, caller, ONE))


async def test_a_server_whose_clock_is_wrong_changes_nothing(redis_url: str) -> None:
    async with sharing(redis_url) as one, sharing(redis_url, wall=lambda: 1_790_000_000.0) as two:
        caller = caller_of(requests_per_minute=10, monthly_budget=10.0)
        assert len(await admitted(caller, Worst(1, 1, PICOS), one, two, times=20)) == 10


async def test_a_script_that_was_flushed_is_loaded_again(redis_url: str) -> None:
    async with sharing(redis_url) as one, Redis.from_url(redis_url) as client:
        await client.script_flush()
        assert len(await admitted(caller_of(requests_per_minute=3), ONE, one, times=9)) == 3


async def test_what_a_dead_server_holds_is_free_once_its_lease_ended(redis_url: str) -> None:
    async with sharing(redis_url) as one, sharing(redis_url) as dead, Redis.from_url(redis_url) as client:
        caller = caller_of(concurrency=2, output_tokens_per_minute=100)
        assert len(await admitted(caller, Worst(1, 50), dead, times=3)) == 2
        assert isinstance(await tried(one, caller), RateLimited)
        await client.zadd("penstock:servers", {dead._name: 1})  # its lease, as if it had not lived for 45 s
        assert len(await admitted(caller, Worst(1, 50), one, times=3)) == 2
        # It was not dead, only late: what it holds counts again once it says so, and nobody new fits.
        assert isinstance(await tried(dead, caller), RateLimited)


async def test_everything_in_the_store_has_our_prefix_and_expires(redis_url: str) -> None:
    async with sharing(redis_url) as one, Redis.from_url(redis_url) as client:
        caller = caller_of(requests_per_minute=9, output_tokens_per_day=900, concurrency=9, monthly_budget=1.0)
        for grant in await admitted(caller, Worst(1, 10, 1000), one, times=3):
            grant.settle(Used(1, 5, 1000))
        await soon(lambda: _held_nothing(client))
        keys = [key async for key in client.scan_iter()]
        assert keys
        assert all(key.startswith(b"penstock:") for key in keys)
        assert [key for key in keys if await client.ttl(key) < 0] == []


async def _held_nothing(client: Any) -> bool:
    return not [key async for key in client.scan_iter("penstock:held:*")]


@pytest.mark.parametrize("how", ["stopped", "silent"])
async def test_each_server_has_its_share_while_the_store_is_away(redis: RedisServer, redis_url: str, how: str) -> None:
    async with sharing(redis_url) as one, sharing(redis_url) as two:
        one._beat_at = 0  # so that it learns of the second at once
        caller = caller_of(requests_per_minute=60, output_tokens_per_minute=10_000)
        first = await admitted(caller, ONE, one, two, times=10)
        first += [await one.admit(caller, "m", ONE), await two.admit(caller, "m", ONE)]  # both have heard of all
        assert len(first) == 22
        with getattr(redis, how)():
            more = await admitted(caller, ONE, one, two, times=100)
            assert not one.shared
            assert not two.shared
            assert 30 < len(more) <= 38
            error = await tried(one, caller)
            assert isinstance(error, RateLimited)
            assert "its own share" in error.message
            eased = await tried(one, caller, Worst(1, 9_000))
            assert type(eased) is RateLimited
            never = await tried(one, caller_of(output_tokens_per_minute=10), Worst(1, 11))
            assert isinstance(never, NeverFits)
        await soon(lambda: is_shared(one))
        await soon(lambda: is_shared(two))
        again = await admitted(caller, ONE, one, two, times=100)
        assert len(first) + len(more) + len(again) <= 60


async def test_places_held_across_an_outage_are_held_after_it(redis: RedisServer, redis_url: str) -> None:
    async with sharing(redis_url) as one:
        caller = caller_of(concurrency=4)
        grants = await admitted(caller, ONE, one, times=2)
        with redis.stopped():
            grants += await admitted(caller, ONE, one, times=9)
            assert len(grants) == 4
        await soon(lambda: is_shared(one))
        assert isinstance(await tried(one, caller), RateLimited)
        grants[0].settle(Used(1, 1))
        grants[-1].settle(None)
        assert len(await admitted(caller, ONE, one, times=9)) <= 2


async def test_a_store_that_was_never_there_is_waited_for(redis: RedisServer, redis_url: str) -> None:
    with redis.stopped():
        limits = ValkeyLimits(ValkeyStore(redis_url))
        await limits.start()
        assert not limits.shared
        assert len(await admitted(caller_of(requests_per_minute=5), ONE, limits, times=9)) == 5
    await soon(lambda: is_shared(limits))
    await limits.close()


async def test_what_waits_is_sent_before_the_end(redis_url: str) -> None:
    caller = caller_of(output_tokens_per_minute=100)
    async with sharing(redis_url) as one:
        (await one.admit(caller, "m", Worst(1, 100))).settle(Used(1, 60))
    async with sharing(redis_url) as two:
        assert isinstance(await tried(two, caller, Worst(1, 41)), RateLimited)
        assert isinstance((await two.admit(caller, "m", Worst(1, 40))).standing().tokens.remaining, int)
