"""Rows of usage as the ledger keeps them: with their sums by the hour and by the day."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete

from penstock.database.connection import Database
from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.usage import UsageRecord

NOON = 1_795_003_200.0
"""A noon in UTC: 2026-11-18 12:00."""
DIMENSIONS = ("account_id", "key_id", "project_id", "model", "endpoint", "tier", "batch")
FIGURES = ("requests", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")


def row(number: int, at: float = NOON, **fields: Any) -> UsageRecord:
    """One row: 10 tokens in, 2 of them out of the cache, 5 out, 1 of these thought."""
    usual: dict[str, Any] = {
        "request_id": f"req_{number}", "account_id": "acct_a", "key_id": "key_a", "model": "m",
        "endpoint": "/v1/chat/completions", "created_at": at, "status": 200, "outcome": "completed",
        "finish_reason": "stop", "streamed": False, "prompt_tokens": 10, "cached_tokens": 2, "completion_tokens": 5,
        "reasoning_tokens": 1, "queue_ms": 0.1, "ttft_ms": None, "total_ms": 2.5, "cost": 350_000,
    }  # fmt: skip
    return UsageRecord(**{**usual, **fields})


def figures(one: UsageRecord) -> tuple[int, ...]:
    """What a row adds to a sum."""
    counted = (getattr(one, name) for name in FIGURES[2:])
    return (1, int(one.outcome == "failed"), *counted)


def added(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    return tuple(map(sum, zip(first, second, strict=True)))


async def put(database: Database, rows: Sequence[UsageRecord]) -> None:
    """Keep these rows and no others."""
    async with database.write() as connection:
        for table in (usage, usage_hourly, usage_daily):
            await connection.execute(delete(table))
        if rows:
            await connection.execute(usage.insert(), [dict(one.__dict__) for one in rows])
            for table, seconds in ((usage_hourly, 3600), (usage_daily, 86_400)):
                await connection.execute(table.insert(), _sums(rows, seconds))


def _sums(rows: Sequence[UsageRecord], seconds: int) -> list[dict[str, Any]]:
    sums: dict[tuple[Any, ...], tuple[int, ...]] = defaultdict(lambda: (0,) * len(FIGURES))
    for one in rows:
        start = int(one.created_at // seconds) * seconds
        # A part of a primary key cannot be null, so the empty text stands for no project.
        values = ("" if getattr(one, name) is None else getattr(one, name) for name in DIMENSIONS)
        key = (start, *values)
        sums[key] = added(sums[key], figures(one))
    return [dict(zip(("start", *DIMENSIONS, *FIGURES), (*key, *counted), strict=True)) for key, counted in sums.items()]
