"""Rows of usage, and their sums by hour and by day: what is written together, so that they never differ."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.usage import UsageRecord

# Of the two dialects' constructs for ON CONFLICT, PostgreSQL's is the one that the other's compiler takes too.
SETTLE = insert(usage).on_conflict_do_nothing(index_elements=["request_id"]).returning(usage.c.request_id)

SPANS = ((usage_hourly, 3600), (usage_daily, 86400))

_DIMENSIONS = attrgetter("account_id", "key_id", "project_id", "model", "endpoint", "tier", "batch")
_COUNTED = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")


def _adding(sums: Table) -> Insert:
    key = [column.name for column in sums.primary_key]
    adding = insert(sums)
    figures = (column.name for column in sums.columns if not column.primary_key)
    return adding.on_conflict_do_update(
        index_elements=key, set_={name: sums.c[name] + adding.excluded[name] for name in figures}
    )


ADD = tuple((_adding(sums), seconds) for sums, seconds in SPANS)


async def settle(connection: AsyncConnection, rows: Iterable[UsageRecord]) -> int:
    """Write rows and add them to the sums, but for those whose request has a row already; how many were written."""
    # By id and by key, in order: two servers that wait for each other's rows would wait for ever.
    first: dict[str, UsageRecord] = {}
    for row in rows:
        first.setdefault(row.request_id, row)
    if not first:
        return 0
    group = [first[request_id].__dict__ for request_id in sorted(first)]
    written = (await connection.execute(SETTLE, group)).scalars().all()
    if not written:
        return 0
    for adding, seconds in ADD:
        await connection.execute(adding, list(_sums((first[request_id] for request_id in written), seconds)))
    return len(written)


def _sums(rows: Iterable[UsageRecord], seconds: int) -> Iterator[dict[str, Any]]:
    sums: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in rows:
        start = int(row.created_at // seconds) * seconds
        account_id, key_id, project_id, *others = _DIMENSIONS(row)
        counted = sums[start, account_id, key_id, project_id or "", *others]
        counted["requests"] += 1
        counted["failed"] += row.outcome == "failed"
        for name in _COUNTED:
            counted[name] += getattr(row, name)
    names = ("start", "account_id", "key_id", "project_id", "model", "endpoint", "tier", "batch")
    for key in sorted(sums):
        yield {**dict(zip(names, key, strict=True)), **sums[key]}
