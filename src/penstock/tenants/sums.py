"""Rows of usage, and their sums by hour and by day: what is written together, so that they never differ."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.usage import UsageRecord

# Of the two dialects' constructs for ON CONFLICT, PostgreSQL's is the one that the other's compiler takes too.
SETTLE = insert(usage).on_conflict_do_nothing(index_elements=["request_id"]).returning(usage.c.request_id)

_HOUR, _DAY = 3600, 86400
SPANS = ((usage_hourly, _HOUR), (usage_daily, _DAY))

_BLOCKS = (1, 4, 16, 32, 64, 96, 128, 192, 256)
"""Rows of one statement: no more, and not of every number, as SQLite's driver keeps each statement prepared."""


def _adding(sums: Table) -> Insert:
    key = [column.name for column in sums.primary_key]
    adding = insert(sums)
    figures = (column.name for column in sums.columns if not column.primary_key)
    return adding.on_conflict_do_update(
        index_elements=key, set_={name: sums.c[name] + adding.excluded[name] for name in figures}
    )


ADD = tuple((_adding(sums), seconds) for sums, seconds in SPANS)

_Key = tuple[int, str, str, str, str, str, str, bool]
"""A sum's `start`, and what its rows have in common, in the order of the columns."""
_Sums = dict[_Key, list[int]]


async def settle(connection: AsyncConnection, rows: Iterable[UsageRecord]) -> int:
    """Write rows and add them to the sums, but for those whose request has a row already; how many were written."""
    # By id and by key, in order: two servers that wait for each other's rows would wait for ever.
    first: dict[str, UsageRecord] = {}
    for row in rows:
        first.setdefault(row.request_id, row)
    group = [first[request_id] for request_id in sorted(first)]
    written: list[str] = []
    for begin in range(0, len(group), _BLOCKS[-1]):
        written += await _insert(connection, group[begin : begin + _BLOCKS[-1]])
    if not written:
        return 0
    hourly = _hourly(group if len(written) == len(group) else (first[request_id] for request_id in written))
    for (adding, _), sums in zip(ADD, (hourly, _daily(hourly)), strict=True):
        statement = _text(_kind(connection), adding)
        await connection.exec_driver_sql(statement, [(*key, *sums[key]) for key in sorted(sums)])
    return len(written)


async def _insert(connection: AsyncConnection, rows: Sequence[UsageRecord]) -> Sequence[str]:
    """Write rows with one statement; the ids of those that were not there."""
    size = next(size for size in _BLOCKS if size >= len(rows))
    values = [*map(astuple, rows)]
    values += values[-1:] * (size - len(rows))  # a row that comes twice is written once
    statement = _inserting(_kind(connection), size)
    return (await connection.exec_driver_sql(statement, tuple(chain.from_iterable(values)))).scalars().all()


@cache
def _inserting(kind: Callable[..., DefaultDialect], size: int) -> str:
    # As SQLAlchemy itself writes many rows with one statement; it would take the time of a request for each of them.
    head, values, tail = _text(kind, SETTLE).partition(" VALUES ")
    row, conflict, rest = tail.partition(" ON CONFLICT ")
    return head + values + ", ".join([row] * size) + conflict + rest


@cache
def _text(kind: Callable[..., DefaultDialect], statement: Insert) -> str:
    """The statement as a driver of this kind takes it, with a tuple of values in the order of the columns."""
    plain = kind()
    return str(statement.compile(dialect=plain if plain.positional else kind(paramstyle="format")))


def _kind(connection: AsyncConnection) -> Callable[..., DefaultDialect]:
    dialect = connection.dialect
    assert isinstance(dialect, DefaultDialect)
    return type(dialect)


def _hourly(rows: Iterable[UsageRecord]) -> _Sums:
    sums: _Sums = {}
    for row in rows:
        key = (
            int(row.created_at // _HOUR) * _HOUR,
            *(row.account_id, row.key_id, row.project_id or "", row.model, row.endpoint, row.tier, row.batch),
        )
        figures = sums.get(key)
        if figures is None:
            figures = sums[key] = [0] * 7
        figures[0] += 1
        figures[1] += row.outcome == "failed"
        figures[2] += row.prompt_tokens
        figures[3] += row.cached_tokens
        figures[4] += row.completion_tokens
        figures[5] += row.reasoning_tokens
        figures[6] += row.cost
    return sums


def _daily(hourly: _Sums) -> _Sums:
    sums: _Sums = {}
    for key, figures in hourly.items():
        start, *others = key
        day: Any = (start // _DAY * _DAY, *others)
        before = sums.get(day)
        sums[day] = figures if before is None else [*map(int.__add__, before, figures)]
    return sums
