"""Lines by the rights of their key: as they are now, and with room left for what people ask in the meantime."""

from typing import Any

import msgspec
import pytest
from tenancy import OPERATOR, Clock, tenants_of

from penstock.batches.holders import Holders
from penstock.database.connection import Database
from penstock.errors import InvalidKey, PermissionDenied
from penstock.tenants.key import KeyChanges
from penstock.tenants.limits import Used, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import Limits
from penstock.tenants.tenants import Tenants


class World:
    """A key, whoever holds it, and what limits it."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.tenants: Tenants = tenants_of(database)
        self.limits = MemoryLimits(monotonic=self.clock)
        self.holders = Holders(self.tenants.callers, self.limits, monotonic=self.clock)

    async def key(self, account: str, **limits: Any) -> str:
        """The id of a new key with these limits."""
        bounds = msgspec.convert(limits, Limits)
        made, _ = await self.tenants.keys.create("tests", account_id=account, by=OPERATOR, limits=bounds)
        return made.id

    async def use(self, key_id: str, times: int) -> None:
        """So many requests that are over at once."""
        caller = await self.holders.find(key_id)
        for _ in range(times):
            (await self.limits.admit(caller, "echo", Worst(1, 1))).settle(Used(1, 1))


@pytest.fixture
async def unlimited(database: Database) -> str:
    """The id of an account whose plan has no limits."""
    return (await tenants_of(database).accounts.operator()).id


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_without_limits_there_is_room_for_all(world: World, unlimited: str) -> None:
    assert await world.holders.room(await world.key(unlimited), "echo", most=64) == 64


async def test_a_tenth_of_a_limit_is_left_to_real_time(world: World, unlimited: str) -> None:
    key = await world.key(unlimited, requests_per_minute=60)
    assert await world.holders.room(key, "echo", most=100) == 54
    await world.use(key, 50)
    assert await world.holders.room(key, "echo", most=100) == 4
    await world.use(key, 4)
    assert await world.holders.room(key, "echo", most=100) == 0
    await world.use(key, 6)  # that is what was left
    world.clock.now += 60
    assert await world.holders.room(key, "echo", most=100) == 54


async def test_a_limit_of_one_can_be_used(world: World, unlimited: str) -> None:
    key = await world.key(unlimited, requests_per_minute=1, concurrency=1)
    assert await world.holders.room(key, "echo", most=100) == 1


async def test_one_place_of_those_at_once_is_left(world: World, unlimited: str) -> None:
    key = await world.key(unlimited, concurrency=3)
    assert await world.holders.room(key, "echo", most=100) == 2
    with world.holders.running(key):
        assert await world.holders.room(key, "echo", most=100) == 1
        with world.holders.running(key):
            assert await world.holders.room(key, "echo", most=100) == 0
    assert await world.holders.room(key, "echo", most=100) == 2


async def test_tokens_that_are_gone_are_waited_for(world: World, unlimited: str) -> None:
    key = await world.key(unlimited, output_tokens_per_minute=20)
    await world.use(key, 18)
    assert await world.holders.room(key, "echo", most=100) == 0
    world.clock.now += 60
    assert await world.holders.room(key, "echo", most=100) > 0


async def test_a_wait_holds_and_ends(world: World, unlimited: str) -> None:
    key = await world.key(unlimited)
    world.holders.wait(key, 3.0)
    world.clock.now += 2.9
    assert await world.holders.room(key, "echo", most=5) == 0
    world.clock.now += 0.2
    assert await world.holders.room(key, "echo", most=5) == 5
    world.holders.wait(key, 86_400.0)
    world.clock.now += 10.1  # it may have been given another limit
    assert await world.holders.room(key, "echo", most=5) == 5


async def test_what_allows_nothing_is_let_through_to_fail(world: World, unlimited: str) -> None:
    key = await world.key(unlimited, requests_per_minute=0)
    assert await world.holders.room(key, "echo", most=5) == 5


async def test_a_key_is_looked_at_anew_after_five_seconds(world: World, unlimited: str) -> None:
    key = await world.key(unlimited)
    assert (await world.holders.find(key)).key_id == key
    await world.tenants.keys.revoke(key, by=OPERATOR)
    world.clock.now += 4.9
    assert (await world.holders.find(key)).key_id == key
    world.clock.now += 0.2
    with pytest.raises(InvalidKey):
        await world.holders.find(key)
    assert await world.holders.room(key, "echo", most=5) == 5  # they fail at once


async def test_a_key_that_lost_its_scope_runs_nothing(world: World, unlimited: str) -> None:
    key = await world.key(unlimited)
    await world.tenants.keys.update(key, KeyChanges(scopes=("inference",)), by=OPERATOR)
    with pytest.raises(PermissionDenied):
        await world.holders.find(key)
