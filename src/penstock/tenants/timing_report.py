"""Which errors there were, and how long answers took: what is counted out of single rows, as no sums are kept of it.

A question about times looks at the newest rows alone, so that a span of a million rows costs as much as one of some.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import usage
from penstock.tenants.request_history import UNFINISHED
from penstock.tenants.speed import TELLING_MS, TELLING_STEPS
from penstock.tenants.usage_report import Question, bucket_of, conditions, rows_of

MOST_ROWS = 50_000
"""That a question about times looks at."""
_MOST_GROUPS = 100
_AT_ONCE = 1
"""Questions at the same time: connections are there for the keys of requests too."""


@dataclass(frozen=True)
class Failure:
    """The requests that ended with one error."""

    code: str
    status: int
    requests: int


@dataclass(frozen=True)
class Times:
    """Of some requests, in milliseconds; None where none of them tells."""

    requests: int = 0
    """Those that had a first token."""
    ttft_p50_ms: float | None = None
    ttft_p95_ms: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class Timed:
    """The times of one question, and what they were counted out of."""

    rows: int
    since: float | None
    """When the oldest of these rows began."""
    total: Times
    buckets: dict[int, Times]
    groups: dict[str, Times]

    @property
    def complete(self) -> bool:
        """Whether no row of the span was left out."""
        return self.rows < MOST_ROWS


class TimingReport:
    """Answers such questions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def failures(self, question: Question) -> list[Failure]:
        """The errors of a question, the most frequent first."""
        count, failed = func.count(), and_(usage.c.outcome == "failed", UNFINISHED)
        code = func.coalesce(usage.c.error_code, literal_column("''"))
        query = select(code, usage.c.status, count).where(failed, *rows_of(question), *conditions(question, usage))
        query = query.group_by(code, usage.c.status).order_by(count.desc(), code).limit(_MOST_GROUPS)
        async with self._at_once, self._database.read() as connection:
            return [Failure(*row) for row in await connection.execute(query)]

    async def times(self, question: Question, *, seconds: int) -> Timed:
        """The times of a question, in all, by buckets `seconds` wide, and by its first dimension if it has one."""
        newest = _newest(question, seconds)
        async with self._at_once, self._database.read() as connection:
            seen = (await connection.execute(select(func.count(), func.min(newest.c.created_at)))).one()
            total = await _times(connection, newest, None)
            buckets = await _times(connection, newest, "bucket")
            groups = await _times(connection, newest, "value") if question.by else []
        by_use = sorted(groups, key=lambda group: -group[1].requests)[:_MOST_GROUPS]
        return Timed(
            rows=seen[0],
            since=seen[1],
            total=total[0][1] if total else Times(),
            buckets={int(bucket): times for bucket, times in sorted(buckets, key=lambda one: one[0])},
            groups={str(value or ""): times for value, times in by_use},
        )


def _newest(question: Question, seconds: int) -> Subquery:
    """The newest rows, whatever they are: were lines of batches left out here, nobody knew how many are passed over."""
    value = usage.c[question.by[0]] if question.by else literal_column("''")
    query = select(
        bucket_of(usage.c.created_at, seconds).label("bucket"),
        value.label("value"),
        usage.c.created_at,
        usage.c.batch,
        usage.c.ttft_ms,
        usage.c.decode_ms,
        usage.c.completion_tokens,
    )
    query = query.where(*rows_of(question), *conditions(question, usage))
    return query.order_by(usage.c.created_at.desc()).limit(MOST_ROWS).subquery("newest")


async def _times(connection: AsyncConnection, newest: Subquery, by: str | None) -> list[tuple[Any, Times]]:
    """Value -> times. The percentile is the nearest rank: a time that a request really took."""
    key = newest.c[by] if by else literal_column("''")
    ranked = (
        select(
            key.label("key"),
            newest.c.ttft_ms,
            newest.c.decode_ms,
            newest.c.completion_tokens,
            func.row_number().over(partition_by=key, order_by=newest.c.ttft_ms).label("rank"),
            func.count().over(partition_by=key).label("rows"),
        )
        .where(newest.c.ttft_ms.is_not(None), newest.c.batch.is_(False))
        .subquery("ranked")
    )
    half, most = (ranked.c.rank * 100 <= ranked.c.rows * part + 99 for part in (50, 95))
    tells = and_(ranked.c.decode_ms >= TELLING_MS, ranked.c.completion_tokens > TELLING_STEPS)
    query = select(
        ranked.c.key,
        func.count(),
        func.max(case((half, ranked.c.ttft_ms))),
        func.max(case((most, ranked.c.ttft_ms))),
        func.sum(case((tells, ranked.c.completion_tokens - 1), else_=0)),
        func.sum(case((tells, ranked.c.decode_ms), else_=0.0)),
    ).group_by(ranked.c.key)
    return [(row[0], _told(row[1:])) for row in await connection.execute(query)]


def _told(row: Sequence[Any]) -> Times:
    requests, half, most, tokens, milliseconds = row
    speed = float(tokens) * 1000 / milliseconds if milliseconds else None
    return Times(requests, half, most, speed)
