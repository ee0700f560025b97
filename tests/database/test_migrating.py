"""Migrations on a database of each kind: whole or not at all, one server after the other, and said what was done."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import PostgresServer
from sqlalchemy import Column, Connection, Integer, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from penstock.database.connection import Database
from penstock.database.schema import Migration, migrate, newest_revision, revision_of
from penstock.database.tables import metadata
from penstock.errors import OperatorError


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'bare.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name = f"bare_{next(request.getfixturevalue('numbers'))}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
async def bare(bare_url: str) -> AsyncIterator[Database]:
    opened = Database(bare_url)
    await opened.connect()
    yield opened
    await opened.close()


def differences(connection: Connection, wanted: MetaData) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, wanted))


async def tables_in(database: Database) -> set[str]:
    async with database.read() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_they_lead_to_the_tables_of_the_code(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(differences, metadata) == []


async def test_that_comparison_sees_a_column_that_no_migration_makes(database: Database) -> None:
    changed = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["accounts"].append_column(Column("forgotten", Integer))
    async with database.read() as connection:
        assert len(await connection.run_sync(differences, changed)) == 1


async def test_what_was_done_is_said(bare: Database) -> None:
    assert await revision_of(bare) is None
    done = await migrate(bare)
    assert (done.before, done.after) == (None, newest_revision())
    assert [one.id for one in done.applied] == [f"{number:04}" for number in range(1, len(done.applied) + 1)]
    assert done.applied[0].summary == "Accounts, API keys and usage."
    assert await migrate(bare) == Migration(newest_revision(), newest_revision(), ())
    assert await revision_of(bare) == newest_revision()


async def test_nothing_to_do_waits_for_no_writer(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.connect()
    async with database.write() as connection:
        await connection.execute(text("UPDATE plans SET updated_at = 1"))
        async with asyncio.timeout(5):
            await migrate(other)
    await other.close()


async def test_servers_that_start_at_once_migrate_one_after_the_other(bare_url: str) -> None:
    databases = [Database(bare_url) for _ in range(4)]
    for one in databases:
        await one.connect()
    done = await asyncio.gather(*(migrate(one) for one in databases))
    assert sorted(one.before or "none" for one in done) == [newest_revision()] * 3 + ["none"]
    for one in databases:
        await one.close()


async def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match=f"newer version of Penstock: its schema is 9999, .* {newest_revision()}"):
        await migrate(database)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "9999"


async def test_one_that_fails_half_way_leaves_nothing_behind(bare: Database) -> None:
    """The third table that 0001 makes is in the way; the first two must be gone again."""
    async with bare.write() as connection:
        await connection.execute(text("CREATE TABLE usage (somebody_elses INTEGER)"))
    with pytest.raises(OperatorError, match="already exists"):
        await migrate(bare)
    assert await tables_in(bare) == {"usage"}


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
async def test_the_audit_log_only_grows(database: Database, statement: str) -> None:
    columns = "id, at, actor, action, target, details"
    row = f"INSERT INTO audit ({columns}) VALUES ('ev', 1, 'operator', 'key.create', 'k', '{{}}')"
    async with database.write() as connection:
        await connection.execute(text(row))
    with pytest.raises(DBAPIError, match="only grows"):
        async with database.write() as connection:
            await connection.execute(text(statement))
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT actor FROM audit"))).scalar_one() == "operator"
