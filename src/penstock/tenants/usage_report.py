"""What was used, in spans of time and by who and what: the one place that asks the ledger's tables for sums.

Hours and days come from the sums that the ledger keeps, minutes from its rows. All times are in UTC.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Select, Table, case, cast, func, literal_column, select

from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys, usage, usage_daily, usage_hourly

Dimension = Literal["account_id", "key_id", "project_id", "model", "endpoint", "tier", "batch"]
Value = str | bool | None

MINUTE, HOUR, DAY = 60, 3600, 86_400
EMBEDDINGS = "/v1/embeddings"
_AT_ONCE = 2
"""Statements that run at the same time, over all questions: connections are there for the keys of requests too."""


@dataclass(frozen=True)
class Sums:
    """What some requests used together; `cost` in picos."""

    requests: int = 0
    failed: int = 0
    """Of the requests, those that failed or were refused."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Sums)))


@dataclass(frozen=True)
class Group:
    """The sums of the requests that have these values, one for each dimension that was asked for."""

    values: tuple[Value, ...]
    sums: Sums


@dataclass(frozen=True)
class Bucket:
    """The groups of one span of time, by their values; none where nothing was used."""

    start: int
    stop: int
    groups: list[Group]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which use, and how it is told apart. Seconds since 1970; a bucket that lies in the span in part counts whole."""

    account_id: str | None
    """The account that asks; None: all of them, which is for administrators."""
    start: int
    stop: int
    by: tuple[Dimension, ...] = ()
    only: Mapping[Dimension, Sequence[Value]] = field(default_factory=dict)
    """Dimension -> the values to count; without an entry, or with an empty one, all."""
    kind: Literal["completions", "embeddings"] | None = None


class UsageReport:
    """Answers questions about usage."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def buckets(self, question: Question, *, seconds: int) -> list[Bucket]:
        """Every bucket of the question, `seconds` wide: MINUTE, HOUR or DAY. The use of each, or an empty one."""
        spans = list(_spans(question.start, question.stop, seconds))
        found = await asyncio.gather(*(self._groups(question, span, seconds) for span in spans))
        by_start = {start: groups for part in found for start, groups in part.items()}
        starts = range(spans[0][0], spans[-1][1], seconds) if spans else ()
        return [Bucket(start, start + seconds, by_start.get(start, [])) for start in starts]

    async def totals(self, question: Question) -> list[Group]:
        """The sums over the whole of the question, in hours: whole days out of the daily sums."""
        first, last = floor_to(question.start, HOUR), -floor_to(-question.stop, HOUR)
        morning, night = min(-floor_to(-first, DAY), last), max(floor_to(last, DAY), first)
        parts = [(usage_hourly, first, last)]
        if morning < night:
            parts = [(usage_hourly, first, morning), (usage_daily, morning, night), (usage_hourly, night, last)]
        sums: dict[tuple[Value, ...], Sums] = defaultdict(Sums)
        for table, start, stop in parts:
            if start < stop:
                for row in await self._ask(_total(question, table, start, stop)):
                    if row[-1] is not None:  # without a dimension there is a row of nulls where nothing was used
                        sums[_values(row[:-7])] += _sums(row[-7:])
        return [Group(values, sums[values]) for values in sorted(sums, key=_order)]

    async def names(self, dimension: Dimension) -> dict[str, str]:
        """What people call keys and accounts: id -> name, or e-mail where there is one. Others have no names."""
        if dimension == "key_id":
            query = select(api_keys.c.id, api_keys.c.name)
        elif dimension == "account_id":
            query = select(accounts.c.id, func.coalesce(accounts.c.email, accounts.c.name))
        else:
            return {}
        async with self._database.read() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def _groups(self, question: Question, span: tuple[int, int], seconds: int) -> dict[int, list[Group]]:
        found: dict[int, list[Group]] = defaultdict(list)
        for row in await self._ask(_sum(question, span, seconds)):
            found[row[0]].append(Group(_values(row[1:-7]), _sums(row[-7:])))
        for groups in found.values():
            groups.sort(key=lambda group: _order(group.values))  # databases differ in how they order text
        return found

    async def _ask(self, query: Select[*tuple[Any, ...]]) -> Sequence[Sequence[Any]]:
        async with self._at_once, self._database.read() as connection:
            return (await connection.execute(query)).all()


def floor_to(second: int, seconds: int) -> int:
    """The start of the bucket that the second lies in."""
    return second - second % seconds


def _spans(start: int, stop: int, seconds: int) -> Iterator[tuple[int, int]]:
    """The buckets from `start` to `stop` in as many parts as run at once: SQLite sorts each on a core of its own."""
    first = floor_to(start, seconds)
    count = -((first - stop) // seconds) if stop > start else 0
    bounds = sorted({first + count * part // _AT_ONCE * seconds for part in range(_AT_ONCE + 1)})
    yield from pairwise(bounds)


def _sum(question: Question, span: tuple[int, int], seconds: int) -> Select[*tuple[Any, ...]]:
    """Bucket, dimensions, figures: grouped by the first two."""
    if seconds == MINUTE:
        table, moment, bucket, figures = (
            usage,
            usage.c.created_at,
            bucket_of(usage.c.created_at, MINUTE),
            _figures_of_rows(),
        )
    else:
        table = usage_hourly if seconds == HOUR else usage_daily
        moment = bucket = table.c.start
        figures = [func.sum(table.c[one.name]) for one in fields(Sums)]
    dimensions = [_dimension(table, name) for name in question.by]
    query = select(bucket.label("bucket"), *dimensions, *figures).where(moment >= span[0], moment < span[1])
    return query.where(*conditions(question, table)).group_by(literal_column("bucket"), *dimensions)


def _total(question: Question, table: Table, start: int, stop: int) -> Select[*tuple[Any, ...]]:
    """Dimensions and figures: grouped by the first."""
    dimensions = [_dimension(table, name) for name in question.by]
    figures = [func.sum(table.c[one.name]) for one in fields(Sums)]
    query = select(*dimensions, *figures).where(table.c.start >= start, table.c.start < stop)
    return query.where(*conditions(question, table)).group_by(*dimensions)


def bucket_of(moment: ColumnElement[float], seconds: int) -> ColumnElement[int]:
    """The start of a moment's bucket. A cast rounds in PostgreSQL and cuts in SQLite: either way it is put right."""
    whole = cast(moment / float(seconds), BigInteger)
    late = case((whole * seconds > moment, 1), else_=0)
    return (whole - late) * seconds


def rows_of(question: Question) -> tuple[ColumnElement[bool], ...]:
    """Which rows lie in the span of a question."""
    return usage.c.created_at >= question.start, usage.c.created_at < question.stop


def _figures_of_rows() -> list[ColumnElement[int]]:
    failed = func.sum(case((usage.c.outcome == "failed", 1), else_=0))
    return [func.count(), failed, *(func.sum(usage.c[one.name]) for one in fields(Sums)[2:])]


def _dimension(table: Table, name: Dimension) -> ColumnElement[Value]:
    # In the sums the empty text stands for no project, as a part of a primary key cannot be null.
    return func.coalesce(table.c.project_id, literal_column("''")) if name == "project_id" else table.c[name]


def conditions(question: Question, table: Table) -> Iterator[ColumnElement[bool]]:
    """Which rows of a table a question is about, whenever they are."""
    if question.account_id is not None:
        yield table.c.account_id == question.account_id
    if question.kind == "embeddings":
        yield table.c.endpoint == EMBEDDINGS
    elif question.kind == "completions":
        yield table.c.endpoint != EMBEDDINGS
    for name, values in question.only.items():
        if values:
            yield table.c[name].in_(values)


def _values(row: Sequence[Any]) -> tuple[Value, ...]:
    return tuple(value if isinstance(value, bool) else str(value) if value else None for value in row)


def _sums(row: Sequence[Any]) -> Sums:
    return Sums(*map(int, row))  # PostgreSQL's sums are decimals


def _order(values: tuple[Value, ...]) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in values)
