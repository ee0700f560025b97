"""Which errors there were, and how long answers took: what is counted out of single rows, as no sums are kept of it.

A question about times looks at the newest rows alone, so that a span of a million rows costs as much as one of some.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, func, literal_column, select

from penstock.database.connection import Database
from penstock.database.tables import usage
from penstock.tenants.request_history import UNFINISHED
from penstock.tenants.speed import TELLING_MS, TELLING_STEPS
from penstock.tenants.usage_report import Question, bucket_of, conditions, rows_of

MOST_ROWS = 10_000
"""That a question about times looks at: as many as tell a percentile well, and are read in a tenth of a second."""
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
        async with self._at_once, self._database.read() as connection:
            rows = (await connection.execute(_newest(question, seconds))).all()
        return await asyncio.to_thread(_timed, rows, grouped=bool(question.by))


def _newest(question: Question, seconds: int) -> Select[*tuple[Any, ...]]:
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
    return query.order_by(usage.c.created_at.desc()).limit(MOST_ROWS)


@dataclass
class _Tally:
    """What the times of some requests are told by."""

    first: list[float] = field(default_factory=list)
    tokens: int = 0
    """After the first ones of the answers that are long enough to tell a rate, which `milliseconds` is of, too."""
    milliseconds: float = 0.0

    def times(self) -> Times:
        """The percentile is the nearest rank: a time that a request really took."""
        if not self.first:
            return Times()
        first = sorted(self.first)
        half, most = (first[-(-len(first) * part // 100) - 1] for part in (50, 95))
        speed = self.tokens * 1000 / self.milliseconds if self.milliseconds else None
        return Times(len(first), half, most, speed)


def _timed(rows: Sequence[Sequence[Any]], *, grouped: bool) -> Timed:
    """Of such rows, the newest first; each is looked at once, for whoever waits at the same time waits for this."""
    total, buckets, groups = _Tally(), defaultdict[int, _Tally](_Tally), defaultdict[str, _Tally](_Tally)
    for bucket, value, _, batch, ttft_ms, decode_ms, tokens in rows:
        if ttft_ms is None or batch:
            continue
        telling = decode_ms is not None and decode_ms >= TELLING_MS and tokens > TELLING_STEPS
        for tally in (total, buckets[bucket], groups[value or ""]):
            tally.first.append(ttft_ms)
            if telling:
                tally.tokens += tokens - 1
                tally.milliseconds += decode_ms
    by_use = sorted(groups.items(), key=lambda group: -len(group[1].first))[:_MOST_GROUPS] if grouped else []
    return Timed(
        rows=len(rows),
        since=rows[-1][2] if rows else None,
        total=total.times(),
        buckets={start: buckets[start].times() for start in sorted(buckets)},
        groups={str(value): tally.times() for value, tally in by_use},
    )
