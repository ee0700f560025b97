"""The database file: its folder, its settings, one writer, and what is told when it cannot be used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

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
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counters (number INTEGER NOT NULL)"))
        await connection.execute(text("INSERT INTO counters VALUES (0)"))
    yield database
    await database.close()


async def number_in(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT number FROM counters"))).scalar_one())


async def number(database: Database) -> int:
    async with database.read() as connection:
        return await number_in(connection)


async def count_up(database: Database) -> None:
    """Reads, lets others go first, and writes: what two writers at once would get wrong."""
    async with database.write() as connection:
        seen = await number_in(connection)
        await asyncio.sleep(0)
        await connection.execute(text("UPDATE counters SET number = :number"), {"number": seen + 1})


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 1000), ("foreign_keys", 1)],
)
async def test_every_connection_is_set_up(database: Database, pragma: str, value: object) -> None:
    """synchronous 2 is FULL: a commit is on the disk, also when the power fails."""
    async with database.read() as first, database.read() as second:
        for connection in (first, second):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_writers_take_turns(database: Database) -> None:
    await asyncio.gather(*(count_up(database) for _ in range(50)))
    assert await number(database) == 50


async def test_writers_of_two_processes_take_turns(database: Database, path: Path) -> None:
    """Two `Database` objects share no lock of ours, as a server and a command do not: SQLite's own keeps them apart."""
    other = Database(f"sqlite+aiosqlite:///{path}")
    await other.connect()
    await asyncio.gather(*(count_up(one) for one in (database, other) * 20))
    await other.close()
    assert await number(database) == 40


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE counters SET number = 7"))
        async with asyncio.timeout(2):
            assert await number(database) == 0
    assert await number(database) == 7


async def test_a_reader_sees_one_state(database: Database) -> None:
    async with database.read() as connection:
        before = await number_in(connection)
        await count_up(database)
        assert await number_in(connection) == before
    assert await number(database) == before + 1


async def test_what_was_only_read_for_is_not_kept(database: Database) -> None:
    async with database.read() as connection:
        await connection.execute(text("UPDATE counters SET number = 7"))
    assert await number(database) == 0


async def test_an_error_does_not_show_the_row(database: Database) -> None:
    """Errors are logged, and a row may hold what no log should."""
    with pytest.raises(IntegrityError) as raised:
        async with database.write() as connection:
            await connection.execute(
                text("INSERT INTO counters SELECT NULL WHERE :canary != ''"), {"canary": "canary-7f3a"}
            )
    assert "canary-7f3a" not in str(raised.value)


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
