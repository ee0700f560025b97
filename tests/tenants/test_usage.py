import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from databases import SQLITE_ONLY

from penstock.database.connection import Database
from penstock.tenants.usage import Ledger, UsageRecord

ROW = UsageRecord(
    request_id="req_0", account_id="a", key_id="k", model="m", endpoint="/v1/chat/completions", created_at=1.0,
    status=200, outcome="completed", finish_reason="stop", streamed=True, prompt_tokens=3, cached_tokens=1,
    completion_tokens=5, reasoning_tokens=0, queue_ms=0.1, ttft_ms=None, total_ms=2.5,
)  # fmt: skip


@asynccontextmanager
async def writing(database: Database, *, retry_seconds: float = 1.0) -> AsyncIterator[Ledger]:
    """A ledger whose writer runs."""
    ledger = Ledger(database, retry_seconds=retry_seconds)
    task = asyncio.create_task(ledger.run())
    yield ledger
    task.cancel()
    await asyncio.wait({task})


async def test_a_row_comes_back_as_it_was_recorded(database: Database) -> None:
    async with writing(database) as ledger:
        ledger.record(ROW)
        await ledger.flushed()
        assert await ledger.rows() == [ROW]


async def test_a_request_is_settled_once(database: Database) -> None:
    async with writing(database) as ledger:
        ledger.record(ROW)
        ledger.record(replace(ROW, completion_tokens=999))
        await ledger.flushed()
        ledger.record(replace(ROW, completion_tokens=999))
        await ledger.flushed()
        assert await ledger.rows() == [ROW]


async def test_a_thousand_rows_are_a_few_commits(database: Database, tmp_path: Path) -> None:
    async with writing(database) as ledger:
        for number in range(1000):
            ledger.record(replace(ROW, request_id=f"req_{number}", created_at=float(number)))
        await ledger.flushed()
        rows = await ledger.rows(limit=2000)
    assert [row.request_id for row in rows] == [f"req_{number}" for number in reversed(range(1000))]
    assert sum(row.completion_tokens for row in rows) == 5000


@SQLITE_ONLY
async def test_rows_wait_while_the_database_is_locked(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "penstock.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with writing(database, retry_seconds=0.05) as ledger:
        for number in range(3):
            ledger.record(replace(ROW, request_id=f"req_{number}"))
        await asyncio.sleep(0.2)  # not a condition: the writer may or may not have tried by now
        assert await ledger.rows() == []
        other.execute("ROLLBACK")
        other.close()
        async with asyncio.timeout(20):
            await ledger.flushed()
        assert len(await ledger.rows()) == 3


async def test_what_waits_is_bounded_and_the_loss_is_told(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(database, most_waiting=2)
    for number in range(3):
        ledger.record(replace(ROW, request_id=f"req_{number}", created_at=float(number)))
    assert "req_0" in caplog.text
    task = asyncio.create_task(ledger.run())
    await ledger.flushed()
    assert [row.request_id for row in await ledger.rows()] == ["req_2", "req_1"]
    task.cancel()
    await asyncio.wait({task})
