"""Batches as one account has them, on both databases: made, listed, and cancelled by many at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from batches.queued import put_batch, put_file
from sqlalchemy import update

from penstock.batches.batch import Batch
from penstock.batches.batches import MOST_UNDER_WAY, Batches
from penstock.batches.blobs import Blobs
from penstock.database.connection import Database
from penstock.database.tables import batches
from penstock.errors import InvalidRequest, NotFound, RateLimited
from penstock.protocol.batches import BatchRequest
from penstock.tenants.caller import Caller

NOW = 1_790_000_000.25


@pytest.fixture
def told() -> list[None]:
    """Has one element for each time that the runner was told to look."""
    return []


@pytest.fixture
def service(database: Database, told: list[None]) -> Batches:
    return Batches(database, changed=lambda: told.append(None), now=lambda: NOW)


@pytest.fixture
async def input_file(database: Database, blobs: Blobs, account: str) -> str:
    return await put_file(database, blobs, account, b"x\n")


@pytest.fixture
def caller(account: str) -> Caller:
    return Caller(account_id=account, key_id="key_1", key_name="tests")


def request(file_id: str, **fields: Any) -> BatchRequest:
    given = {"input_file_id": file_id, "endpoint": "/v1/embeddings", "completion_window": "24h", **fields}
    return msgspec.convert(given, BatchRequest)


async def turn(database: Database, batch: Batch, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(update(batches).where(batches.c.id == batch.id).values(values))


async def test_a_new_batch_waits_to_be_validated(
    service: Batches, caller: Caller, input_file: str, told: list[None]
) -> None:
    made = await service.create(caller, request(input_file, completion_window="168h", metadata={"a": "\u2028"}))
    assert (made.status, made.created_at, made.expires_at) == ("validating", NOW, NOW + 168 * 3600)
    assert (made.account_id, made.key_id, made.input_file_id) == (caller.account_id, "key_1", input_file)
    assert (made.total, made.model, made.errors, made.metadata) == (0, None, None, {"a": "\u2028"})
    assert made.generation == 0
    assert await service.get(caller.account_id, made.id) == made
    assert told == [None]


async def test_its_input_is_a_file_of_the_account_with_the_right_purpose(
    service: Batches, database: Database, blobs: Blobs, caller: Caller, stranger: str
) -> None:
    async def input_of(account: str, **values: Any) -> str:
        return await put_file(database, blobs, account, b"x", **values)

    own = caller.account_id
    output = await input_of(own, purpose="batch_output")
    with pytest.raises(InvalidRequest) as wrong:
        await service.create(caller, request(output))
    assert (wrong.value.status, wrong.value.param) == (400, "input_file_id")
    for file_id in (
        await input_of(stranger),
        await input_of(own, deleted_at=NOW - 1),
        await input_of(own, expires_at=NOW),
        *("file-000000000000000000000000", "../x", "\0"),
    ):
        with pytest.raises(NotFound):
            await service.create(caller, request(file_id))
    assert (await service.page(own)).rows == []
    lives = await service.create(caller, request(await input_of(own, expires_at=NOW + 1)))
    assert lives.status == "validating"


@pytest.mark.parametrize("metadata", [{"\0": "a"}, {"a": "b\0"}])
async def test_what_no_database_keeps_is_refused(
    service: Batches, caller: Caller, input_file: str, metadata: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await service.create(caller, request(input_file, metadata=metadata))
    assert refused.value.param == "metadata"


async def test_an_account_has_a_hundred_under_way(
    service: Batches, database: Database, caller: Caller, input_file: str, stranger: str
) -> None:
    first = await service.create(caller, request(input_file))
    others = [{**first.__dict__, "id": f"batch_{at}"} for at in range(MOST_UNDER_WAY - 4)]
    async with database.write() as connection:
        await connection.execute(batches.insert(), others)
    tries = await asyncio.gather(
        *(service.create(caller, request(input_file)) for _ in range(10)), return_exceptions=True
    )
    assert [type(one) for one in tries].count(RateLimited) == 7
    (refused, *_) = [one for one in tries if isinstance(one, RateLimited)]
    assert refused.message == "100 batches of this account are under way. Wait until one is over, or cancel one."
    assert refused.retry_after
    for status in ("completed", "failed", "expired", "cancelled"):
        async with database.write() as connection:
            one = batches.c.id == others.pop()["id"]
            await connection.execute(update(batches).where(one).values(status=status))
        await service.create(caller, request(input_file))
        with pytest.raises(RateLimited):
            await service.create(caller, request(input_file))


async def test_they_are_listed_newest_first(
    service: Batches, database: Database, caller: Caller, input_file: str, stranger: str
) -> None:
    made = [await service.create(caller, request(input_file)) for _ in range(5)]
    for at, one in enumerate(made):
        await turn(database, one, created_at=NOW + at // 2)
    other = await put_batch(database, stranger, "file-0123456789abcdef01234567")
    own, seen, after = caller.account_id, list[str](), None
    while True:
        page = await service.page(own, after=after, limit=2)
        seen += [one.id for one in page.rows]
        if not page.has_more:
            break
        after = seen[-1]
    assert seen == [one.id for _, one in sorted(enumerate(made), key=lambda one: (one[0] // 2, one[1].id))][::-1]
    for cursor in (other.id, "batch_000000000000000000000000", "x", "\0"):
        with pytest.raises(InvalidRequest) as refused:
            await service.page(own, after=cursor)
        assert refused.value.param == "after"


async def test_another_account_has_none_of_it(
    service: Batches, caller: Caller, input_file: str, stranger: str, told: list[None]
) -> None:
    made = await service.create(caller, request(input_file))
    asking: list[Callable[[str, str], Any]] = [service.get, service.cancel]
    for ask in asking:
        for account, batch_id in ((stranger, made.id), (caller.account_id, "batch_0"), (caller.account_id, "\0")):
            with pytest.raises(NotFound):
                await ask(account, batch_id)
    assert await service.get(caller.account_id, made.id) == made
    assert told == [None]


@pytest.mark.parametrize("status", ["validating", "in_progress"])
async def test_fifty_cancels_are_one(
    service: Batches, database: Database, caller: Caller, input_file: str, told: list[None], status: str
) -> None:
    made = await service.create(caller, request(input_file))
    await turn(database, made, status=status, runner_id="runner_1", generation=3)
    cancelled = await asyncio.gather(*(service.cancel(caller.account_id, made.id) for _ in range(50)))
    assert {(one.status, one.ends_as, one.cancelling_at, one.generation) for one in cancelled} == {
        ("cancelling", "cancelled", NOW, 3)
    }
    assert len(told) == 2, "one for the new batch, one for the cancel that was the first"
    await turn(database, made, status="cancelled", cancelled_at=NOW + 1)
    again = await service.cancel(caller.account_id, made.id)
    assert (again.status, again.cancelling_at, again.cancelled_at) == ("cancelled", NOW, NOW + 1)


@pytest.mark.parametrize("status", ["finalizing", "completed", "failed", "expired"])
async def test_what_is_over_is_not_cancelled(
    service: Batches, database: Database, caller: Caller, input_file: str, status: str
) -> None:
    made = await service.create(caller, request(input_file))
    await turn(database, made, status=status)
    before = await service.get(caller.account_id, made.id)
    with pytest.raises(InvalidRequest) as refused:
        await service.cancel(caller.account_id, made.id)
    assert (refused.value.status, refused.value.code) == (400, "invalid_value")
    assert status in refused.value.message
    assert await service.get(caller.account_id, made.id) == before
