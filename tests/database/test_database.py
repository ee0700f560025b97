import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.database.tables import accounts, metadata
from penstock.errors import OperatorError


def url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'data' / 'penstock.db'}"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(url(tmp_path))
    await opened.connect()
    yield opened
    await opened.close()


def account(name: str) -> dict[str, object]:
    return {"id": name, "email": None, "name": name, "role": "user", "created_at": 1.0}


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(select(accounts.c.id).order_by(accounts.c.id))).scalars())


async def test_migrations_lead_to_the_tables_of_the_code(database: Database) -> None:
    await migrate(database)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(accounts.insert().values(account("a")))
    await migrate(database)
    assert await names(database) == ["a"]


async def test_servers_that_start_at_once_migrate_one_after_the_other(tmp_path: Path) -> None:
    databases = [Database(url(tmp_path)) for _ in range(4)]
    for one in databases:
        await one.connect()
    await asyncio.gather(*(migrate(one) for one in databases))
    assert await names(databases[0]) == []
    for one in databases:
        await one.close()


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="newer version"):
        await migrate(database)


async def test_it_is_durable_and_its_folder_is_private(database: Database, tmp_path: Path) -> None:
    async with database.read() as connection:
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


async def test_a_block_that_fails_writes_nothing(database: Database) -> None:
    await migrate(database)
    with pytest.raises(IntegrityError):  # noqa: PT012 -- the second statement is what fails
        async with database.write() as connection:
            await connection.execute(accounts.insert().values(account("a")))
            await connection.execute(accounts.insert().values(account("a")))
    assert await names(database) == []


async def test_a_cancelled_block_writes_nothing_and_lets_the_next_one_in(database: Database) -> None:
    await migrate(database)
    inside = asyncio.Event()

    async def write_for_ever() -> None:
        async with database.write() as connection:
            await connection.execute(accounts.insert().values(account("a")))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_for_ever())
    await inside.wait()
    task.cancel()
    await asyncio.wait({task})
    async with asyncio.timeout(5), database.write() as connection:
        await connection.execute(accounts.insert().values(account("b")))
    assert await names(database) == ["b"]


async def test_many_writers_at_once_all_get_through(database: Database) -> None:
    await migrate(database)

    async def write(number: int) -> None:
        async with database.write() as connection:
            await connection.execute(accounts.insert().values(account(f"{number:03}")))

    await asyncio.gather(*(write(number) for number in range(50)))
    assert len(await names(database)) == 50


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(OperatorError, match="--data-dir"):
        await Database(url(tmp_path)).connect()


async def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "penstock.db").write_text("not a database " * 100)
    with pytest.raises(OperatorError, match="cannot be opened"):
        await Database(url(tmp_path)).connect()


@pytest.mark.parametrize("wrong", ["no url", "mysql://localhost/x", "postgresql://h:port/x"])
def test_a_url_that_this_version_cannot_use(wrong: str) -> None:
    with pytest.raises(OperatorError):
        Database(wrong)
