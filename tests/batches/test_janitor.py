"""What is cleared away, and above all what is not."""

import os
import shutil
import time
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from tenancy import OPERATOR, tenants_of
from uploads import stored

from penstock.batches.blobs import Blobs
from penstock.batches.file import File, blob_of, new_file_id
from penstock.batches.files import Files, Told, Upload
from penstock.batches.janitor import OWNER_NAME, Janitor
from penstock.batches.staging import Staging
from penstock.database.connection import Database
from penstock.database.tables import batches, files
from penstock.errors import StorageAway

DAY = 86_400.0


@pytest.fixture
def clock() -> list[float]:
    """What time it is for the janitor and for the files."""
    return [time.time()]


@pytest.fixture
def service(database: Database, blobs: Blobs, clock: list[float]) -> Files:
    return Files(database, blobs, now=lambda: clock[0])


@pytest.fixture
def janitor(database: Database, blobs: Blobs, bodies: Path, clock: list[float]) -> Janitor:
    return Janitor(database, blobs, Staging(bodies), now=lambda: clock[0])


async def made(service: Files, account: str, life: int | None = None) -> File:
    async def fill(upload: Upload) -> Told:
        await upload.write(b"x")
        return Told("input.jsonl", life)

    return await service.create(account, fill, quota=None)


async def batch_on(database: Database, file: File, status: str) -> None:
    async with database.write() as connection:
        values = {"key_id": "key_1", "endpoint": "/v1/embeddings", "completion_window": "24h", "created_at": 1.0}
        values |= {"expires_at": 2.0, "id": "batch_1", "status": status, "input_file_id": file.id}
        await connection.execute(insert(batches).values(**values, account_id=file.account_id))


async def end_batch(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(update(batches).values(status="completed"))


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(files))).scalar_one()


def bodies_in(folder: Path) -> set[str]:
    return set(stored(folder)) - {OWNER_NAME}


def grown_old(folder: Path, *, days: float = 2) -> None:
    at = time.time() - days * DAY
    for path in folder.rglob("*"):
        os.utime(path, (at, at))


async def test_what_has_expired_goes(
    service: Files, janitor: Janitor, database: Database, bodies: Path, account: str, clock: list[float]
) -> None:
    for _ in range(120):
        await made(service, account, life=3600)
    stays = await made(service, account)
    later = await made(service, account, life=7200)
    await janitor.sweep()
    assert await rows(database) == 122
    clock[0] += 3600
    await janitor.sweep()
    assert await rows(database) == 2
    assert bodies_in(bodies) == {stays.blob, later.blob}


async def test_the_input_of_a_batch_stays_until_it_is_over(
    service: Files, janitor: Janitor, database: Database, bodies: Path, account: str, clock: list[float]
) -> None:
    deleted = await made(service, account, life=3600)
    await batch_on(database, deleted, "in_progress")
    clock[0] += 3600
    await janitor.sweep()
    await janitor.sweep()
    assert bodies_in(bodies) == {deleted.blob}
    await end_batch(database)
    await janitor.sweep()
    assert (await rows(database), bodies_in(bodies)) == (0, set())


async def test_one_body_that_cannot_be_removed_does_not_keep_the_others(
    service: Files, janitor: Janitor, database: Database, bodies: Path, account: str, clock: list[float]
) -> None:
    all_of_them = [await made(service, account, life=3600) for _ in range(3)]
    stuck = sorted(all_of_them, key=lambda file: file.id)[1]
    (bodies / stuck.blob).unlink()
    (bodies / stuck.blob).mkdir()
    clock[0] += 3600
    with pytest.raises(StorageAway):
        await janitor.sweep()
    await janitor.sweep()
    assert await rows(database) == 1
    (bodies / stuck.blob).rmdir()
    await janitor.sweep()
    assert await rows(database) == 0


async def test_a_body_without_a_file_goes_once_it_was_seen_twice(
    service: Files, janitor: Janitor, blobs: Blobs, bodies: Path, account: str
) -> None:
    file = await made(service, account)
    left_over = blob_of(new_file_id())
    async with blobs.writing(left_over) as writer:
        await writer.write(b"x")
    foreign = ["somebody's/file", "0a/file-0a", "file-0a0000000000000000000000", "0a/batch-0a0000000000000000000000"]
    for name in foreign:
        (bodies / name).parent.mkdir(exist_ok=True)
        (bodies / name).write_bytes(b"x")
    await janitor.look_through()
    await janitor.look_through()
    assert bodies_in(bodies) == {file.blob, left_over, *foreign}, "it is younger than a day"
    grown_old(bodies)
    await janitor.look_through()
    assert bodies_in(bodies) == {file.blob, left_over, *foreign}
    await janitor.look_through()
    assert bodies_in(bodies) == {file.blob, *foreign}


async def test_a_clock_that_jumps_costs_no_body(
    service: Files, janitor: Janitor, blobs: Blobs, database: Database, bodies: Path, account: str, clock: list[float]
) -> None:
    """The row of a body that is there already is added while the clock is two days ahead."""
    body = blob_of(new_file_id())
    async with blobs.writing(body) as writer:
        await writer.write(b"x")
    clock[0] += 2 * DAY
    await janitor.look_through()
    async with database.write() as connection:
        row = File("file-0", account, None, "a", "batch", 1, 1.0, None, body)
        await connection.execute(insert(files).values(row.__dict__))
    await janitor.look_through()
    await janitor.look_through()
    assert bodies_in(bodies) == {body}


async def test_parts_of_bodies_that_nobody_writes_any_more_go(janitor: Janitor, bodies: Path) -> None:
    part, young = (bodies / f"0a/file-0a000000000000000000000{at}#1" for at in (0, 1))
    part.parent.mkdir()
    part.write_bytes(b"x")
    grown_old(bodies)
    young.write_bytes(b"x")
    await janitor.look_through()
    assert bodies_in(bodies) == {"0a/file-0a0000000000000000000001#1"}


async def test_the_bodies_of_another_database_are_left(
    service: Files, janitor: Janitor, blobs: Blobs, bodies: Path, account: str, tmp_path: Path, migrated_file: Path
) -> None:
    """Two databases on one store: neither can tell what the other has."""
    await janitor.look_through()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'another.db'}")
    shutil.copy(migrated_file, tmp_path / "another.db")
    await database.connect()
    other = Janitor(database, blobs, None)
    file = await made(service, account)
    grown_old(bodies)
    for _ in range(2):
        await other.look_through()  # before it has an account
    await tenants_of(database).accounts.create("eve@example.org", by=OPERATOR)
    for _ in range(3):
        await other.look_through()
    await database.close()
    assert bodies_in(bodies) == {file.blob}
