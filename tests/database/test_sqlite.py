"""The database file: its folder, its settings, and what is told when it cannot be used."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from database.counter import count_up, make_counter, number
from sqlalchemy import exc, text

from penstock.database.connection import Database
from penstock.errors import OperatorError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "penstock.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """A database with one number in it, 0."""
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.connect()
    await make_counter(database)
    yield database
    await database.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 1000), ("foreign_keys", 1)],
)
async def test_every_connection_is_set_up(database: Database, pragma: str, value: object) -> None:
    """synchronous 2 is FULL: a commit is on the disk, also when the power fails."""
    async with database.read() as first, database.read() as second:
        for connection in (first, second):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_one_connection_is_used_as_long_as_one_is_enough(database: Database) -> None:
    """Each has a cache, and statements that it keeps prepared."""
    async with database.read(), database.read():
        pass
    used = set()
    for block in (database.read, database.write, database.read):
        async with block() as connection:
            used.add((await connection.get_raw_connection()).driver_connection)
    assert len(used) == 1


async def test_a_reader_waits_a_second_at_most_also_after_a_patient_writer(database: Database) -> None:
    async with database.write(wait_seconds=7.5) as connection:
        assert (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one() == 7500
    async with database.read() as connection:
        assert (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one() == 1000
    async with database.read(seconds=0.25) as connection:
        assert (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one() == 250


async def test_a_file_that_somebody_has_for_themselves_is_told_and_opens_once_they_went(
    database: Database, path: Path
) -> None:
    await database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE counters SET number = 4")
        with pytest.raises(OperatorError, match="locked"):
            await database.connect()
    await database.connect()
    await count_up(database)
    assert await number(database) == 5


async def test_a_disk_that_is_full_fails_a_block_and_then_has_room(database: Database) -> None:
    """SQLite's own bound on the file stands in for the disk: the error is the same, SQLITE_FULL."""
    async with database.read() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
    with pytest.raises(exc.OperationalError, match="full"):  # noqa: PT012 -- the last statement is what fails
        async with database.write() as connection:
            await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            await connection.execute(text("CREATE TABLE much AS SELECT randomblob(1000000) AS bytes"))
    async with database.write() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    await count_up(database)
    assert await number(database) == 1


async def test_what_somebody_locked_is_open_again_once_they_went(database: Database, path: Path) -> None:
    """Nobody starts anything anew: a writer that waits gets in."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(count_up(database))
        await asyncio.sleep(0)
        assert await number(database) == 0
        other.execute("ROLLBACK")
        await waiting
    assert await number(database) == 1


async def test_a_folder_in_its_place_is_told_with_the_next_step(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(OperatorError) as raised:
        await Database(f"sqlite+aiosqlite:///{path}").connect()
    assert str(path) in raised.value.message
    assert "--data-dir" in raised.value.message


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite:///:memory:"])
def test_a_database_that_nothing_would_be_left_of_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="must be a file"):
        Database(url)


async def test_a_plain_sqlite_url_will_do(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await database.connect()
    await database.close()
    assert path.is_file()
