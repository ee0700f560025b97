"""Makes a ledger of many rows, with their sums, in a database that is migrated and empty.

The database itself makes them. Rows are spread evenly over the days; every key uses every model, which gives the most
sums that there can be.
"""

from typing import Any

from sqlalchemy import BigInteger, Text, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import PATIENT_SECONDS, Database
from penstock.database.tables import usage, usage_daily, usage_hourly

START = 1_795_046_400
"""A midnight in UTC."""
DAY = 86_400
ACCOUNTS, KEYS, MODELS = 50, 200, 5
DIMENSIONS = ("account_id", "key_id", "project_id", "model", "endpoint", "tier", "batch")
FIGURES = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")


async def fill(database: Database, *, rows: int, days: int) -> None:
    """About `rows` rows over `days` days from START, a transaction for each day."""
    a_day = rows // days
    for day in range(days):
        async with database.write(seconds=PATIENT_SECONDS) as connection:
            await _make_rows(connection, day, a_day)
            await _make_sums(connection, day)


async def _make_rows(connection: AsyncConnection, day: int, a_day: int) -> None:
    first = literal(day * a_day, BigInteger)
    numbers = select(first.label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < first + (a_day - 1)))
    n = numbers.c.n
    key = n * 7919 % KEYS
    values: dict[str, Any] = {
        "request_id": literal("req_000000000000000000000") + cast(n + 10_000_000, Text),
        "account_id": literal("acct_00000000000000") + cast(10 + key % ACCOUNTS, Text),
        "key_id": literal("key_0000000000000") + cast(100 + key, Text),
        "model": literal("organization/model-") + cast(n // 7 % MODELS, Text),
        "endpoint": literal("/v1/chat/completions"),
        "created_at": START + day * DAY + (n - first) * (DAY / a_day),
        "status": literal(200),
        "outcome": case((n % 50 == 0, "failed"), else_="completed"),
        "finish_reason": literal("stop"),
        "streamed": n % 2 == 0,
        "prompt_tokens": n * 31 % 4000,
        "cached_tokens": n * 17 % 100,
        "completion_tokens": n * 13 % 800,
        "reasoning_tokens": n * 7 % 50,
        "queue_ms": literal(1.5),
        "ttft_ms": n * 37 % 900 + 20.5,
        "decode_ms": n % 9000 + 10.0,
        "total_ms": literal(4000.5),
        "tier": literal("default"),
        "batch": n % 20 == 0,
        "cost": n * 104_729 % 2_000_000_000,
    }
    await connection.execute(usage.insert().from_select(list(values), select(*values.values())))


async def _make_sums(connection: AsyncConnection, day: int) -> None:
    for table, seconds in ((usage_hourly, 3600), (usage_daily, DAY)):
        for begin in range(0, DAY, seconds):
            start = START + day * DAY + begin
            dimensions = [literal("") if name == "project_id" else usage.c[name] for name in DIMENSIONS]
            counts = [func.count(), func.sum(case((usage.c.outcome == "failed", 1), else_=0))]
            sums = select(literal(start), *dimensions, *counts, *(func.sum(usage.c[name]) for name in FIGURES))
            sums = sums.where(usage.c.created_at >= start, usage.c.created_at < start + seconds)
            sums = sums.group_by(*(usage.c[name] for name in DIMENSIONS if name != "project_id"))
            columns = ["start", *DIMENSIONS, "requests", "failed", *FIGURES]
            await connection.execute(table.insert().from_select(columns, sums))
