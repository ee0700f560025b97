"""Whether any batch is under way, by one look for all that look for work."""

import asyncio

import pytest
from batches.queued import put_batch, put_file
from sqlalchemy import update
from tenancy import Clock

from penstock.batches.blobs import Blobs
from penstock.batches.under_way import BELIEVED_SECONDS, UnderWay
from penstock.database.connection import Database
from penstock.database.tables import batches


async def put_one(database: Database, blobs: Blobs, account: str, status: str) -> None:
    await put_batch(database, account, await put_file(database, blobs, account, b"{}\n"), status=status)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling"])
async def test_a_batch_that_is_not_over(database: Database, blobs: Blobs, account: str, status: str) -> None:
    assert not await UnderWay(database).any()
    await put_one(database, blobs, account, status)
    assert await UnderWay(database).any()


@pytest.mark.parametrize("status", ["completed", "failed", "expired", "cancelled"])
async def test_one_that_is_over(database: Database, blobs: Blobs, account: str, status: str) -> None:
    await put_one(database, blobs, account, status)
    assert not await UnderWay(database).any()


async def test_an_answer_is_believed_for_a_while(database: Database, blobs: Blobs, account: str) -> None:
    clock = Clock()
    under_way = UnderWay(database, monotonic=clock)
    assert not await under_way.any()
    await put_one(database, blobs, account, "validating")  # on another server
    assert not await under_way.any()
    clock.now += BELIEVED_SECONDS
    assert await under_way.any()
    async with database.write() as connection:
        await connection.execute(update(batches).values(status="completed"))
    assert await under_way.any()
    clock.now += BELIEVED_SECONDS
    assert not await under_way.any()


async def test_what_is_begun_here_is_seen_at_once(database: Database, blobs: Blobs, account: str) -> None:
    under_way = UnderWay(database, monotonic=Clock())
    assert not await under_way.any()
    await put_one(database, blobs, account, "validating")
    under_way.changed()
    assert await under_way.any()


async def test_a_look_that_began_before_does_not_hide_it(database: Database, blobs: Blobs, account: str) -> None:
    under_way = UnderWay(database, monotonic=Clock())
    looking = asyncio.create_task(under_way.any())
    await asyncio.sleep(0)  # it is asking
    under_way.changed()
    assert await looking, "it may have looked too early, so whoever asked looks for work"
    assert not await under_way.any()
    await put_one(database, blobs, account, "validating")
    under_way.changed()
    assert await under_way.any()
