"""PostgreSQL, and what becomes of the server when that is away, silent, full, or not what it was taken for."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from database.counter import count_up, make_counter, number
from postgres_server import GUARDED, PASSWORD, PostgresServer
from psycopg import sql
from running_server import free_port
from sqlalchemy import exc, text

from penstock.database.connection import Database
from penstock.errors import OperatorError


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A database with one number in it, 0."""
    database = Database(postgres_url)
    await database.connect()
    await make_counter(database)
    yield database
    await database.close()


def ours(postgres: PostgresServer) -> sql.SQL:
    return sql.SQL("SELECT {} FROM pg_stat_activity WHERE application_name = 'penstock' AND pid != pg_backend_pid()")


async def test_connections_that_the_server_ended_are_made_anew(database: Database, postgres: PostgresServer) -> None:
    """Several wait in the pool, and not one block fails."""
    async with database.read() as first, database.read() as second:
        await first.execute(text("SELECT 1"))
        await second.execute(text("SELECT 1"))
    ended = postgres.ask(ours(postgres).format(sql.SQL("pg_terminate_backend(pid)")))
    assert len(ended) == 2
    assert await number(database) == 0
    await count_up(database)
    assert await number(database) == 1


async def test_a_restart_is_no_reason_for_another(database: Database, postgres: PostgresServer) -> None:
    with postgres.stopped():
        with pytest.raises(exc.OperationalError):
            await number(database)
        with pytest.raises(exc.OperationalError):
            await count_up(database)
    await count_up(database)
    assert await number(database) == 1


async def test_a_block_whose_connection_is_lost_keeps_nothing(database: Database, postgres: PostgresServer) -> None:
    with pytest.raises(exc.OperationalError):  # noqa: PT012 -- the second statement is what fails
        async with database.write() as connection:
            await connection.execute(text("UPDATE counters SET number = 7"))
            postgres.ask(ours(postgres).format(sql.SQL("pg_terminate_backend(pid)")))
            await connection.execute(text("UPDATE counters SET number = 8"))
    assert await number(database) == 0


async def test_a_server_that_gives_no_answer_holds_nobody_for_longer(
    database: Database, postgres: PostgresServer
) -> None:
    """Known connections are cut, as a cancellation would wait too; new ones are given up."""
    with postgres.silent():
        async with asyncio.timeout(20):
            results = await asyncio.gather(*(number(database, seconds=0.2) for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} <= {exc.OperationalError, exc.TimeoutError}
    await count_up(database)
    assert await number(database) == 1


async def test_a_statement_that_takes_too_long_is_ended_there_too(database: Database, postgres: PostgresServer) -> None:
    with pytest.raises(exc.OperationalError):
        async with database.read(seconds=0.2) as connection:
            await connection.execute(text("SELECT pg_sleep(100)"))
    async with asyncio.timeout(10):
        while postgres.ask(ours(postgres).format(sql.SQL("pid")) + sql.SQL(" AND state = 'active'")):
            await asyncio.sleep(0.01)
    assert await number(database) == 0


async def test_a_writer_that_sits_idle_does_not_keep_the_others_out(database: Database, postgres_url: str) -> None:
    """As one whose machine is gone without a word."""
    other = Database(postgres_url)
    await other.connect()
    with pytest.raises(exc.DBAPIError):  # noqa: PT012 -- what comes after the wait is what fails
        async with other.write(seconds=0.1) as connection:
            await connection.execute(text("UPDATE counters SET number = 7"))
            await count_up(database)
            await connection.execute(text("UPDATE counters SET number = 8"))
    assert await number(database) == 1
    await other.close()


async def test_waiting_for_a_connection_ends(database: Database) -> None:
    """Readers that never end cannot make another wait for ever."""
    async with asyncio.timeout(20):
        held = [database.read() for _ in range(10)]
        for one in held:
            await one.__aenter__()
        with pytest.raises(exc.TimeoutError):
            await number(database, seconds=0.1)
        for one in held:
            await one.__aexit__(None, None, None)
    assert await number(database) == 0


async def test_a_read_that_was_cancelled_leaves_a_pool_that_works(database: Database) -> None:
    async def sleep() -> None:
        async with database.read() as connection:
            await connection.execute(text("SELECT pg_sleep(100)"))

    for _ in range(12):
        task = asyncio.create_task(sleep())
        while not task.done() and not task.cancelling():
            await asyncio.sleep(0.01)
            task.cancel()
        await asyncio.wait({task})
    assert await number(database) == 0


def address(postgres: PostgresServer, *, user: str = "penstock", database: str = "migrated", query: str = "") -> str:
    return f"postgresql://{user}@127.0.0.1:{postgres.port}/{database}{query}"


@pytest.fixture
def wrong(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[str]:
    """A URL that does not lead to a database that can be used."""
    urls = {
        "wrong password": address(postgres, user=f"{GUARDED}:{PASSWORD}x"),
        "wrong password in the query": address(postgres, user=GUARDED, query=f"?password={PASSWORD}x"),
        "no such database": address(postgres, user=f"{GUARDED}:{PASSWORD}", database="nowhere"),
        "nobody there": f"postgresql://{GUARDED}:{PASSWORD}@127.0.0.1:{free_port()}/penstock",
        "no such host": f"postgresql://{GUARDED}:{PASSWORD}@nowhere.invalid/penstock",
        "an option that there is not": address(postgres, user=f"{GUARDED}:{PASSWORD}", query="?sslmood=1"),
    }
    return iter([urls[request.param]])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("wrong password", "password authentication failed"),
        ("wrong password in the query", "password authentication failed"),
        ("no such database", 'database "nowhere" does not exist'),
        ("nobody there", "Connection refused"),
        ("no such host", "nowhere.invalid"),
        ("an option that there is not", "sslmood"),
    ],
    indirect=["wrong"],
)
async def test_what_is_wrong_is_told_without_the_password(
    wrong: Iterator[str], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(next(wrong))
    with pytest.raises(OperatorError) as raised:
        await database.connect()
    assert says in raised.value.message
    assert "PENSTOCK_DATABASE_URL" in raised.value.message
    assert PASSWORD not in raised.value.message + caplog.text + database.shown
    assert "\n" not in raised.value.message


async def test_a_password_opens_it(postgres: PostgresServer) -> None:
    for url in (
        address(postgres, user=f"{GUARDED}:{PASSWORD}"),
        address(postgres, user=f"{GUARDED}:{PASSWORD}").replace("postgresql:", "postgres:"),
        address(postgres, user=f"{GUARDED}:{PASSWORD}").replace("postgresql:", "postgresql+psycopg:"),
        address(postgres, user=GUARDED, query=f"?password={PASSWORD}&connect_timeout=3"),
    ):
        database = Database(url)
        await database.connect()
        await database.close()


async def test_a_database_that_is_not_utf8_is_refused(postgres: PostgresServer) -> None:
    postgres.ask(sql.SQL("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"))
    with pytest.raises(OperatorError, match="LATIN1 and not UTF8"):
        await Database(postgres.url("latin")).connect()
    postgres.drop("latin")


@pytest.mark.parametrize("url", ["postgresql://u:canary@7f3a@host/db", "postgresql://u:canary#7f3a@host:x/db"])
def test_a_password_that_was_not_encoded_is_not_taken_for_the_host(url: str) -> None:
    with pytest.raises(OperatorError, match="%40") as raised:
        Database(url)
    assert "7f3a" not in raised.value.message


async def test_a_commit_is_on_the_disk(database: Database) -> None:
    """Whatever the operator set for the whole server; the tests' own has it off."""
    async with database.write() as connection:
        assert (await connection.execute(text("SHOW synchronous_commit"))).scalar_one() == "on"


async def test_a_disk_that_is_full_fails_a_block_and_then_has_room(database: Database) -> None:
    """A bound on temporary files stands in for the disk; the error is of the same class, 53."""
    with pytest.raises(exc.OperationalError, match="temp_file_limit"):  # noqa: PT012 -- the last one
        async with database.write() as connection:
            await connection.execute(text("SET LOCAL temp_file_limit = 1"))
            await connection.execute(text("SET LOCAL work_mem = 64"))
            await connection.execute(text("SELECT * FROM generate_series(1, 100000) AS n ORDER BY n DESC"))
    await count_up(database)
    assert await number(database) == 1
