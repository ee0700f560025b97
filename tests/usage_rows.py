"""Rows of usage as the ledger keeps them: with their sums by the hour and by the day."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete

from penstock.database.connection import Database
from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

NOON = 1_795_003_200.0
"""A noon in UTC: 2026-11-18 12:00."""


def row(number: int, at: float = NOON, **fields: Any) -> UsageRecord:
    """One row: 10 tokens in, 2 of them out of the cache, 5 out, 1 of these thought."""
    usual: dict[str, Any] = {
        "request_id": f"req_{number}", "account_id": "acct_a", "key_id": "key_a", "model": "m",
        "endpoint": "/v1/chat/completions", "created_at": at, "status": 200, "outcome": "completed",
        "finish_reason": "stop", "streamed": False, "prompt_tokens": 10, "cached_tokens": 2, "completion_tokens": 5,
        "reasoning_tokens": 1, "queue_ms": 0.1, "ttft_ms": None, "total_ms": 2.5, "cost": 350_000,
    }  # fmt: skip
    return UsageRecord(**{**usual, **fields})


async def put(database: Database, rows: Sequence[UsageRecord]) -> None:
    """Keep these rows and no others."""
    async with database.write() as connection:
        for table in (usage, usage_hourly, usage_daily):
            await connection.execute(delete(table))
        await settle(connection, rows)
