"""Ledgers whose writer runs, and rows for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.database.connection import Database
from penstock.tenants.ledger import Ledger
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord

ROW = UsageRecord(
    request_id="req_0", account_id="a", key_id="k", model="m", endpoint="/v1/chat/completions", created_at=1.0,
    status=200, outcome="completed", finish_reason="stop", streamed=True, prompt_tokens=3, cached_tokens=1,
    completion_tokens=5, reasoning_tokens=2, queue_ms=0.1, ttft_ms=None, total_ms=2.5, cost=70,
)  # fmt: skip


def rows_of(count: int, **changes: Any) -> list[UsageRecord]:
    """So many requests, one a second."""
    return [replace(ROW, request_id=f"req_{n:05}", created_at=float(n), **changes) for n in range(count)]


@asynccontextmanager
async def writing(database: Database, folder: Path, *, retry_seconds: float = 1.0) -> AsyncIterator[Ledger]:
    """A ledger with its spool in `folder`, and all that it was given committed at the end of the block."""
    spool = Spool(folder)
    spool.open()
    ledger = Ledger(database, spool, retry_seconds=retry_seconds)
    task = asyncio.create_task(ledger.run())
    try:
        async with asyncio.timeout(30):
            yield ledger
            await ledger.flushed()
    finally:
        task.cancel()
        await asyncio.wait({task})
        spool.close()


async def told(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log has these words."""
    async with asyncio.timeout(20):
        while words not in caplog.text:
            await asyncio.sleep(0.01)
