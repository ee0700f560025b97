"""The ledger when things go wrong: a full disk, a table that is away, a row that cannot be written."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from databases import SQLITE_ONLY
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import BLOCK_SECONDS, TURN_SECONDS, Database
from penstock.tenants.usage import SETTLE, Ledger, ModelTotals, UsageRecord

ROW = UsageRecord(
    request_id="req_0", account_id="a", key_id="k", model="m", endpoint="/v1/chat/completions", created_at=1.0,
    status=200, outcome="completed", finish_reason="stop", streamed=True, prompt_tokens=3, cached_tokens=1,
    completion_tokens=5, reasoning_tokens=2, queue_ms=0.1, ttft_ms=None, total_ms=2.5,
)  # fmt: skip


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


@asynccontextmanager
async def writing(ledger: Ledger) -> AsyncIterator[None]:
    task = asyncio.create_task(ledger.run())
    try:
        async with asyncio.timeout(20):
            yield
            await ledger.flushed()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def told(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in caplog.text:
            await asyncio.sleep(0.01)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow. Nothing may be printed in the block: that would be written to a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@SQLITE_ONLY
async def test_a_full_disk_keeps_rows_waiting_until_there_is_room(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(database)
    rows = [replace(ROW, request_id=f"req_{number}", created_at=float(number)) for number in range(600)]
    async with writing(ledger):
        with full_disk():
            for row in rows:
                ledger.record(row)
            await told(caplog, "600 rows wait")
        await ledger.flushed()
    assert await ledger.rows(limit=1000) == rows[::-1]


@SQLITE_ONLY
async def test_rows_wait_while_their_table_is_away(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(database)
    with closing(sqlite3.connect(tmp_path / "penstock.db", isolation_level=None)) as other:
        other.execute("ALTER TABLE usage RENAME TO away")
        async with writing(ledger):
            ledger.record(ROW)
            await told(caplog, "1 rows wait")
            ledger.record(replace(ROW, request_id="req_1"))
            other.execute("ALTER TABLE away RENAME TO usage")
    assert {row.request_id for row in await ledger.rows()} == {"req_0", "req_1"}
    assert "\n" not in caplog.messages[0], "a fault that lasts is one line each time"


@pytest.mark.parametrize(
    "bad", [replace(ROW, request_id="bad", prompt_tokens=2**70), replace(ROW, request_id="bad", model="\ud800")]
)
async def test_a_row_that_cannot_be_written_is_told_and_the_others_are_written(
    database: Database, caplog: pytest.LogCaptureFixture, bad: UsageRecord
) -> None:
    ledger = Ledger(database)
    rows = [replace(ROW, request_id=f"req_{number}", created_at=float(number)) for number in range(700)]
    async with writing(ledger):
        for row in [*rows[:300], bad, *rows[300:]]:
            ledger.record(row)
    assert await ledger.rows(limit=1000) == rows[::-1]
    (message,) = [record.message for record in caplog.records if record.name.startswith("penstock")]
    assert "request bad is lost" in message


async def test_a_thousand_rows_are_two_commits(database_url: str) -> None:
    counting = CountingDatabase(database_url)
    await counting.connect()
    ledger = Ledger(counting)
    async with writing(ledger):
        for number in range(1000):
            ledger.record(replace(ROW, request_id=f"req_{number}"))
    await counting.close()
    assert counting.commits == 2


async def test_one_request_settled_by_two_servers_is_one_row(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.connect()
    first, second = Ledger(database), Ledger(other)
    async with writing(first), writing(second):
        for number in range(200):
            for ledger in (first, second):
                ledger.record(replace(ROW, request_id=f"req_{number}"))
            await asyncio.sleep(0)
    assert len(await first.rows(limit=1000)) == 200
    await other.close()


async def test_totals_are_the_sums_of_each_model(database: Database) -> None:
    ledger = Ledger(database)
    async with writing(ledger):
        for number, model in enumerate(["b", "a", "b", "b"]):
            ledger.record(replace(ROW, request_id=f"req_{number}", model=model, created_at=float(number)))
    assert await ledger.totals() == [ModelTotals("a", 1, 3, 1, 5, 2), ModelTotals("b", 3, 9, 3, 15, 6)]
    assert await ledger.totals(since=2.0) == [ModelTotals("b", 2, 6, 2, 10, 4)]
    assert await ledger.totals(since=9.0) == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_statement_is_one_that_both_databases_take(database: str) -> None:
    dialect = make_url(f"{database}://").get_dialect()()
    assert str(SETTLE.compile(dialect=dialect)).endswith("ON CONFLICT (request_id) DO NOTHING")
