"""Files: whole or not at all, of one account, and within its quota however many come at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from uploads import stored

from penstock.batches.blobs import Blobs
from penstock.batches.file import OUTPUT_SECONDS, File, blob_of, new_file_id
from penstock.batches.files import MOST_UPLOADS_OF_ONE, Files, Told, Upload, add_output
from penstock.batches.quota import quota_of
from penstock.database.connection import Database
from penstock.database.tables import batches, files
from penstock.errors import InsufficientQuota, InvalidRequest, NotFound, RequestTooLarge, ServerOverloaded
from penstock.protocol.files import MOST_BYTES
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.plans import Limits


@pytest.fixture
def service(database: Database, blobs: Blobs) -> Files:
    return Files(database, blobs)


def body(*parts: bytes, life: int | None = None) -> Callable[[Upload], Awaitable[Told]]:
    async def fill(upload: Upload) -> Told:
        for part in parts:
            await upload.write(part)
        return Told("input.jsonl", life)

    return fill


async def whole(service: Files, file: File) -> bytes:
    return b"".join([part async for part in service.read(file)])


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(files))).scalar_one()


async def batch_on(database: Database, file: File, status: str) -> None:
    """A batch that has this file as its input; there is one at most."""
    async with database.write() as connection:
        changed = update(batches).where(batches.c.id == "batch_1").values(status=status)
        if not (await connection.execute(changed)).rowcount:
            values = {"key_id": "key_1", "endpoint": "/v1/embeddings", "completion_window": "24h", "created_at": 1.0}
            values |= {"expires_at": 2.0, "id": "batch_1", "status": status, "input_file_id": file.id}
            await connection.execute(batches.insert().values(**values, account_id=file.account_id))


async def test_what_was_written_can_be_read(service: Files, account: str) -> None:
    made = await service.create(account, body(b"one\n", b"two\n"), quota=None)
    assert (made.bytes, made.purpose, made.expires_at) == (8, "batch", None)
    assert await service.get(account, made.id) == made
    assert await whole(service, made) == b"one\ntwo\n"
    assert (await service.page(account)).rows == [made]


async def test_another_account_has_none_of_it(service: Files, account: str, stranger: str) -> None:
    made = await service.create(account, body(b"x"), quota=None)
    with pytest.raises(NotFound):
        await service.get(stranger, made.id)
    with pytest.raises(NotFound):
        await service.delete(stranger, made.id)
    assert (await service.page(stranger)).rows == []
    assert await whole(service, await service.get(account, made.id)) == b"x"


async def test_an_upload_that_fails_leaves_nothing(
    service: Files, account: str, database: Database, bodies: Path
) -> None:
    async def broken(upload: Upload) -> Told:
        await upload.write(b"x" * (3 << 20))
        raise KeyError

    with pytest.raises(KeyError):
        await service.create(account, broken, quota=None)
    with pytest.raises(InvalidRequest):
        await service.create(account, body(), quota=None)
    assert (await rows(database), stored(bodies)) == (0, [])


@pytest.mark.parametrize("size", [1, 3 << 20])
async def test_an_upload_that_is_cancelled_leaves_nothing(
    service: Files, account: str, database: Database, bodies: Path, size: int
) -> None:
    async def endless(upload: Upload) -> Told:
        await upload.write(b"x" * size)
        begun.set()
        while True:
            await upload.write(b"x")

    begun = asyncio.Event()
    task = asyncio.create_task(service.create(account, endless, quota=None))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await rows(database), stored(bodies)) == (0, [])


async def test_the_cap_is_held_while_reading(service: Files, account: str, bodies: Path) -> None:
    part = b"x" * 1_000_000
    count = MOST_BYTES // len(part)
    made = await service.create(account, body(*[part] * count), quota=None)
    assert made.bytes == MOST_BYTES
    await service.delete(account, made.id)
    with pytest.raises(RequestTooLarge):
        await service.create(account, body(*[part] * count, b"x"), quota=None)
    assert stored(bodies) == []


async def test_the_quota_is_held_while_reading(service: Files, account: str, stranger: str, bodies: Path) -> None:
    wrote: list[int] = []

    async def fill(upload: Upload) -> Told:
        for _ in range(10):
            await upload.write(b"x" * 10)
            wrote.append(10)
        return Told("a")

    first = await service.create(account, body(b"x" * 60), quota=100)
    with pytest.raises(InsufficientQuota, match="have 60 bytes, and may have 100") as refused:
        await service.create(account, fill, quota=100)
    assert (sum(wrote), refused.value.status, refused.value.should_retry) == (40, 429, False)
    assert stored(bodies) == [first.blob]
    await service.create(stranger, body(b"x" * 100), quota=100)
    await service.create(account, body(b"x" * 40), quota=100)
    await service.delete(account, first.id)
    await service.create(account, body(b"x" * 60), quota=100)


async def test_uploads_at_once_do_not_pass_the_quota_together(
    database: Database, blobs: Blobs, account: str, bodies: Path
) -> None:
    """Neither in one server nor in several, each of which sees what the others began only when it is done."""
    servers = [Files(database, blobs) for _ in range(6)]
    all_began = asyncio.Barrier(len(servers))

    async def fill(upload: Upload) -> Told:
        await all_began.wait()
        await upload.write(b"x" * 40)
        return Told("a")

    made = await asyncio.gather(*(one.create(account, fill, quota=100) for one in servers), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["File"] * 2 + ["InsufficientQuota"] * 4
    assert (await rows(database), len(stored(bodies))) == (2, 2)


async def test_one_server_counts_what_is_under_way(service: Files, account: str) -> None:
    both = asyncio.Barrier(2)

    async def fill(upload: Upload) -> Told:
        try:
            await upload.write(b"x" * 60)
        finally:
            await both.wait()  # whichever is the second, it is refused while the first is under way
        return Told("a")

    async with asyncio.timeout(60):
        uploads = (service.create(account, fill, quota=100) for _ in range(2))
        made = await asyncio.gather(*uploads, return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["File", "InsufficientQuota"]


async def test_an_account_has_so_many_uploads_at_once(service: Files, account: str, stranger: str) -> None:
    enough, began = asyncio.Event(), asyncio.Semaphore(0)

    async def fill(upload: Upload) -> Told:
        await upload.write(b"x")
        began.release()
        await enough.wait()
        return Told("a")

    uploads = [asyncio.create_task(service.create(account, fill, quota=None)) for _ in range(MOST_UPLOADS_OF_ONE)]
    for _ in uploads:
        await began.acquire()
    with pytest.raises(ServerOverloaded):
        await service.create(account, body(b"x"), quota=None)
    await service.create(stranger, body(b"x"), quota=None)
    enough.set()
    await asyncio.gather(*uploads)
    await service.create(account, body(b"x"), quota=None)


async def test_the_least_quota_of_plan_and_keys_holds() -> None:
    limits = [Limits(stored_bytes=5), Limits(), Limits(stored_bytes=3)]
    subjects = tuple(Subject(str(at), one) for at, one in enumerate(limits))
    assert quota_of(Caller("acct_1", "key_1", "k", subjects=subjects)) == 3
    assert quota_of(Caller("acct_1", "key_1", "k", subjects=subjects[1:2])) is None


async def test_what_expires_is_gone_at_that_time(database: Database, blobs: Blobs, account: str) -> None:
    now = time.time()
    clock = [now]
    service = Files(database, blobs, now=lambda: clock[0])
    made = await service.create(account, body(b"x", life=3600), quota=None)
    clock[0] = now + 3599
    assert await service.get(account, made.id) == made
    clock[0] = now + 3600
    with pytest.raises(NotFound):
        await service.get(account, made.id)
    with pytest.raises(NotFound):
        await service.delete(account, made.id)
    assert (await service.page(account)).rows == []
    with pytest.raises(InvalidRequest):
        await service.page(account, after=made.id)


async def test_pages_go_both_ways_and_have_each_file_once(service: Files, account: str) -> None:
    made = [await service.create(account, body(b"x"), quota=None) for _ in range(5)]
    for oldest_first in (True, False):
        found, after, more = [], None, True
        while more:
            page = await service.page(account, limit=2, after=after, oldest_first=oldest_first)
            found += page.rows
            after, more = page.rows[-1].id, page.has_more
        assert found == (made if oldest_first else made[::-1])


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling"])
async def test_a_deleted_file_stays_for_the_batch_that_reads_it(
    service: Files, database: Database, account: str, bodies: Path, status: str
) -> None:
    made = await service.create(account, body(b"x"), quota=None)
    await batch_on(database, made, status)
    await service.delete(account, made.id)
    with pytest.raises(NotFound):
        await service.get(account, made.id)
    with pytest.raises(NotFound):
        await service.delete(account, made.id)
    assert await whole(service, made) == b"x"
    with pytest.raises(InsufficientQuota):
        await service.create(account, body(b"x"), quota=1)


@pytest.mark.parametrize("status", ["completed", "failed", "expired", "cancelled"])
async def test_a_deleted_file_goes_with_its_body(
    service: Files, database: Database, account: str, bodies: Path, status: str
) -> None:
    made = await service.create(account, body(b"x"), quota=None)
    await batch_on(database, made, status)
    await service.delete(account, made.id)
    assert (await rows(database), stored(bodies)) == (0, [])


async def test_a_row_that_cannot_be_made_leaves_no_body(
    service: Files, database: Database, account: str, bodies: Path
) -> None:
    """Another writer does not end."""
    async with AsyncExitStack() as writing:

        async def fill(upload: Upload) -> Told:
            await upload.write(b"x")
            await writing.enter_async_context(database.write())
            return Told("a")

        with pytest.raises(SQLAlchemyError):
            await service.create(account, fill, quota=None)
    assert (await rows(database), stored(bodies)) == (0, [])


async def test_an_output_is_added_in_anothers_transaction(
    service: Files, database: Database, blobs: Blobs, account: str
) -> None:
    id_ = new_file_id()
    async with blobs.writing(blob_of(id_)) as writer:
        await writer.write(b"{}\n")
    async with database.write() as connection:
        made = await add_output(
            connection, id_, account_id=account, project_id=None, filename="output.jsonl", size=3, now=time.time()
        )
    assert await service.get(account, id_) == made
    assert (made.purpose, made.expires_at) == ("batch_output", made.created_at + OUTPUT_SECONDS)
    assert await whole(service, made) == b"{}\n"
    assert (await service.page(account, purpose="batch")).rows == []
    assert (await service.page(account, purpose="batch_output")).rows == [made]
