"""The ledger when things go wrong: a database that is away, locked or full, a row that cannot be written."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from databases import POSTGRESQL_ONLY, SQLITE_ONLY
from ledgers import ROW, rows_of, told, writing
from msgspec.structs import replace
from postgres_server import PostgresServer
from sqlalchemy.ext.asyncio import AsyncConnection
from tenants.test_segment import longest_file
from tenants.test_sums import check

from penstock.database.connection import BLOCK_SECONDS, TURN_SECONDS, Database
from penstock.tenants.ledger import Ledger
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord


class CountingDatabase(Database):
    """A database that counts its commits."""

    commits = 0

    @asynccontextmanager
    async def write(
        self, *, wait_seconds: float = TURN_SECONDS, seconds: float = BLOCK_SECONDS
    ) -> AsyncIterator[AsyncConnection]:
        async with super().write(wait_seconds=wait_seconds, seconds=seconds) as connection:
            yield connection
        self.commits += 1


@SQLITE_ONLY
async def test_a_full_disk_keeps_rows_waiting_until_there_is_room(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the database nor the spool can grow. Nothing may be printed then: that would be written to a file too."""
    async with writing(database, tmp_path / "spool") as ledger:
        with longest_file(1):
            for row in rows_of(600):
                ledger.record(row)
            await told(caplog, "600 rows wait")
        await ledger.flushed()
        assert await ledger.rows(limit=1000) == rows_of(600)[::-1]
    await check(database)


async def test_rows_wait_while_their_table_is_away(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE usage RENAME TO away")
    async with writing(database, tmp_path / "spool", retry_seconds=0.1) as ledger:
        ledger.record(ROW)
        await told(caplog, "1 rows wait")
        ledger.record(replace(ROW, request_id="req_1"))
        async with database.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO usage")
    assert {row.request_id for row in await ledger.rows()} == {"req_0", "req_1"}
    assert "\n" not in caplog.messages[0], "a fault that lasts is one line each time"
    await check(database)


@SQLITE_ONLY
async def test_rows_wait_while_the_database_is_locked(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(database, tmp_path / "spool", retry_seconds=0.1) as ledger:
        with closing(sqlite3.connect(tmp_path / "penstock.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for row in rows_of(3):
                ledger.record(row)
            await told(caplog, "3 rows wait")
            assert ledger.lag().rows == 3
            other.execute("ROLLBACK")
        await ledger.flushed()
        assert len(await ledger.rows()) == 3


@POSTGRESQL_ONLY
async def test_rows_wait_while_the_server_of_the_database_is_down(
    database: Database, postgres: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(database, tmp_path / "spool", retry_seconds=0.1) as ledger:
        ledger.record(ROW)
        await ledger.flushed()
        with postgres.stopped():
            for row in rows_of(700)[1:]:
                ledger.record(row)
            await told(caplog, "699 rows wait")
        await ledger.flushed()
        assert len(await ledger.rows(limit=1000)) == 700
    await check(database)


@pytest.mark.parametrize(
    "bad", [replace(ROW, request_id="bad", prompt_tokens=2**70), replace(ROW, request_id="bad", model="\ud800")]
)
async def test_a_row_that_cannot_be_written_is_told_and_the_others_are_written(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: UsageRecord
) -> None:
    rows = rows_of(700)
    async with writing(database, tmp_path / "spool") as ledger:
        for row in [*rows[:300], bad, *rows[300:]]:
            ledger.record(row)
    assert await ledger.rows(limit=1000) == rows[::-1]
    (message,) = [record.message for record in caplog.records if record.name.startswith("penstock")]
    assert "request bad is lost" in message
    await check(database)


async def test_a_thousand_rows_are_two_commits(database_url: str, tmp_path: Path) -> None:
    counting = CountingDatabase(database_url)
    await counting.connect()
    async with writing(counting, tmp_path / "spool") as ledger:
        for row in rows_of(1000):
            ledger.record(row)
    await counting.close()
    assert counting.commits == 2


async def test_a_busy_server_makes_few_commits(database_url: str, tmp_path: Path) -> None:
    counting, spool = CountingDatabase(database_url), Spool(tmp_path)
    await counting.connect()
    ledger = Ledger(counting, spool, gather_seconds=0.0, busy_gather_seconds=60.0)
    writer = asyncio.create_task(ledger.run())
    async with asyncio.timeout(30):
        for count, commits in ((40, 1), (500, 2)):  # the first group tells that there is much to do
            for row in rows_of(540)[-count:]:
                ledger.record(replace(row, request_id=f"{count}_{row.request_id}"))
                if commits > 1:
                    await asyncio.sleep(0)
            while counting.commits < commits:
                await asyncio.sleep(0.001)
        ledger.record(ROW)
        await ledger.flushed()
    assert (counting.commits, ledger.committed) == (3, 541)
    writer.cancel()
    await asyncio.wait({writer})
    spool.close()
    await counting.close()
