"""What holds for a database of every kind: one writer, one state for each reader, and nothing kept by chance."""

import asyncio
from typing import Any

import pytest
from database.counter import count_up, make_counter, number, number_in
from databases import POSTGRESQL_ONLY, SQLITE_ONLY
from sqlalchemy import exc, text

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import OperatorError


@pytest.fixture(autouse=True)
async def _counter(database: Database) -> None:
    await make_counter(database)


async def test_writers_take_turns(database: Database) -> None:
    await asyncio.gather(*(count_up(database) for _ in range(50)))
    assert await number(database) == 50


async def test_writers_of_two_processes_take_turns(database: Database, database_url: str) -> None:
    """Two `Database` objects share no lock of ours, as a server and a command do not: the database's own is between."""
    other = Database(database_url)
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
    with pytest.raises(exc.IntegrityError) as raised:
        async with database.write() as connection:
            await connection.execute(
                text("INSERT INTO counters SELECT NULL WHERE CAST(:canary AS TEXT) != ''"), {"canary": "canary-7f3a"}
            )
    assert "canary-7f3a" not in str(raised.value).partition("DETAIL")[0]


@SQLITE_ONLY
async def test_an_error_of_sqlite_shows_nothing_at_all_of_the_row(database: Database) -> None:
    with pytest.raises(exc.IntegrityError) as raised:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO counters SELECT NULL WHERE :c != ''"), {"c": "canary-7f3a"})
    assert "canary-7f3a" not in str(raised.value)


async def test_a_writer_waits_only_so_long_for_one_of_this_process(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE counters SET number = 7"))
        with pytest.raises(exc.TimeoutError, match=r"another writer has not ended within 0\.05 s"):
            async with database.write(wait_seconds=0.05):
                pass
    await count_up(database)
    assert await number(database) == 8


async def test_a_writer_waits_only_so_long_for_one_of_another(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.connect()
    async with other.write() as connection:
        await connection.execute(text("UPDATE counters SET number = 7"))
        with pytest.raises(exc.OperationalError):
            async with database.write(wait_seconds=0.05):
                pass
    await count_up(database)
    assert await number(database) == 8
    await other.close()


async def test_a_cancelled_writer_lets_the_next_one_in(database: Database) -> None:
    inside = asyncio.Event()

    async def write_for_ever() -> None:
        async with database.write() as connection:
            await connection.execute(text("UPDATE counters SET number = 7"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_for_ever())
    await inside.wait()
    task.cancel()
    await asyncio.wait({task})
    await count_up(database)
    assert await number(database) == 1


async def test_what_cannot_be_used_is_told_to_the_operator(database: Database) -> None:
    with pytest.raises(OperatorError, match=r"cannot be opened or written: .*\. \w"), database.faults_told():
        async with database.write() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))


async def test_closing_twice_is_no_mistake(database: Database) -> None:
    await database.close()
    await database.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_writer_that_is_cancelled_leaves_nothing_locked(database: Database, turns: int) -> None:
    """Wherever it is cancelled: before, in the middle of, and after what it writes."""
    before = await number(database)
    rows = [{"id": f"acct_{at}", "name": "x", "role": "user", "created_at": 1.0} for at in range(3000)]

    async def write() -> None:
        async with database.write() as connection:
            await connection.execute(accounts.insert(), rows)

    writing = asyncio.create_task(write())
    for _ in range(2**turns):
        await asyncio.sleep(0.001)
    writing.cancel()
    await asyncio.wait({writing})
    await count_up(database)
    assert await number(database) == before + 1


@POSTGRESQL_ONLY
async def test_a_connection_that_was_left_in_a_pipeline_is_not_used_again(database: Database) -> None:
    """As a cancelled `executemany` of the driver leaves one now and then."""
    async with database.read() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
    driver.pgconn.enter_pipeline_mode()
    await count_up(database)
    assert await number(database) == 1
    assert driver.closed
