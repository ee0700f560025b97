"""Migrations: made once, whole or not at all, and in the wheel."""

import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, MetaData, Table, text

from penstock.database.connection import Database
from penstock.database.schema import migrate, newest_revision
from penstock.database.tables import metadata
from penstock.errors import OperatorError

ROOT = Path(__file__).resolve().parents[2]

MIGRATE_AT_A_SIGNAL = """
import asyncio, sys
from penstock.database.connection import Database
from penstock.database.schema import migrate, newest_revision

async def main():
    database = Database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await database.connect()
    await migrate(database)
    await database.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "penstock.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.connect()
    yield database
    await database.close()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def differences(connection: Connection, wanted: MetaData) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, wanted))


async def test_that_comparison_sees_a_column_that_no_migration_makes(database: Database) -> None:
    """A comparison that finds nothing whatever it is given guards nothing."""
    await migrate(database)
    changed = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["accounts"].append_column(Column("forgotten", Integer))
    Table("more", changed, Column("id", Integer, primary_key=True))
    async with database.read() as connection:
        assert len(await connection.run_sync(differences, changed)) == 2


async def test_constraints_have_names(database: Database, path: Path) -> None:
    """A later migration can change only what it can name."""
    await migrate(database)
    assert {"pk_accounts", "uq_accounts_email", "uq_api_keys_digest", "pk_usage"} <= {
        word for line in dump(path) for word in line.split()
    }


def test_processes_that_start_at_once_on_nothing(path: Path) -> None:
    """The file itself is made in the race, too."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MIGRATE_AT_A_SIGNAL, f"sqlite+aiosqlite:///{path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.communicate(timeout=60) for racer in racers]
    assert [(racer.returncode, errors) for racer, (_, errors) in zip(racers, ends, strict=True)] == [(0, "")] * 3
    assert f"INSERT INTO \"alembic_version\" VALUES('{newest_revision()}');" in dump(path)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Database, path: Path) -> None:
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = dump(path)
    with pytest.raises(OperatorError, match="newer version of Penstock"):
        await migrate(database)
    assert dump(path) == before


async def test_a_migration_that_fails_half_way_leaves_nothing_behind(database: Database, path: Path) -> None:
    """The third table that 0001 makes is in the way; the first two must be gone again."""
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE usage (somebody_elses INTEGER)"))
    before = dump(path)
    with pytest.raises(OperatorError, match="usage already exists"):
        await migrate(database)
    assert dump(path) == before


async def test_nothing_is_said(
    database: Database, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(database)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelname not in {"DEBUG", "INFO"}] == []


def test_the_wheel_holds_every_migration(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    here = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("migrations/versions/*.py")}
    with zipfile.ZipFile(wheel) as archive:
        assert here
        assert here <= set(archive.namelist())
