from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgers import ROW, rows_of
from msgspec.structs import replace
from sqlalchemy import Table, select
from sqlalchemy.engine import make_url

from penstock.database.connection import Database
from penstock.database.tables import usage, usage_daily, usage_hourly
from penstock.tenants.sums import ADD, SETTLE, SPANS, settle
from penstock.tenants.usage import UsageRecord

ADDED = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")

COUNTS = st.integers(0, 1000)
ROWS = st.lists(
    st.builds(
        replace,
        st.just(ROW),
        request_id=st.sampled_from([f"req_{number}" for number in range(12)]),
        account_id=st.sampled_from("ab"),
        key_id=st.sampled_from("kl"),
        project_id=st.none() | st.just("p"),
        model=st.sampled_from("mn"),
        tier=st.sampled_from(["default", "flex"]),
        batch=st.booleans(),
        outcome=st.sampled_from(["completed", "failed", "aborted"]),
        created_at=st.floats(0, 200_000),
        prompt_tokens=COUNTS,
        completion_tokens=COUNTS,
        cost=COUNTS,
    ),
    max_size=15,
)


async def written(database: Database, rows: list[UsageRecord]) -> None:
    async with database.write() as connection:
        await settle(connection, rows)


async def all_of(database: Database, table: Table) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(select(table))).mappings())


def sums_of(rows: list[Any], seconds: int) -> dict[tuple[Any, ...], Counter[str]]:
    """The sums of rows as the table should have them."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        start = int(row["created_at"] // seconds) * seconds
        where = (row["account_id"], row["key_id"], row["project_id"] or "", row["model"], row["endpoint"], row["tier"])
        counted = sums.setdefault((start, *where, row["batch"]), Counter())
        counted.update(requests=1, failed=int(row["outcome"] == "failed"), **{name: row[name] for name in ADDED})
    return sums


async def check(database: Database) -> None:
    """The sums are those of the rows."""
    rows = await all_of(database, usage)
    for table, seconds in SPANS:
        key = [column.name for column in table.primary_key]
        found = {
            tuple(row[name] for name in key): Counter({n: row[n] for n in ("requests", "failed", *ADDED)})
            for row in await all_of(database, table)
        }
        assert found == sums_of(rows, seconds)


@given(st.lists(ROWS, max_size=3))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_sums_are_those_of_the_rows_whatever_comes_twice(
    database: Database, groups: list[list[UsageRecord]]
) -> None:
    async with database.write() as connection:  # of the example before
        for table in (usage, usage_hourly, usage_daily):
            await connection.execute(table.delete())
    first: dict[str, UsageRecord] = {}
    for group in groups:
        await written(database, group)
        for row in group:
            first.setdefault(row.request_id, row)
    rows = {row["request_id"]: UsageRecord(**row) for row in await all_of(database, usage)}
    assert rows == first
    await check(database)


async def test_a_whole_group_is_written_at_once_and_counted_by_its_hours(database: Database) -> None:
    rows = [replace(row, created_at=row.created_at * 60) for row in rows_of(500)]
    await written(database, rows)
    await written(database, rows)
    await check(database)
    assert [row["requests"] for row in await all_of(database, usage_hourly)] == [60] * 8 + [20]
    assert [row["requests"] for row in await all_of(database, usage_daily)] == [500]


@pytest.mark.parametrize("size", [1, 2, 5, 96, 97, 256, 257, 500])
async def test_a_group_of_any_size_is_written_beside_what_was_there(database: Database, size: int) -> None:
    rows = rows_of(size)
    there = rows[:: max(2, size // 3)]
    await written(database, there)
    async with database.write() as connection:
        assert await settle(connection, [*rows, rows[0]]) == size - len(there)
        assert await settle(connection, rows) == 0
    assert sorted(row["request_id"] for row in await all_of(database, usage)) == [row.request_id for row in rows]
    await check(database)


def test_a_row_is_a_row_of_the_table() -> None:
    assert UsageRecord.__struct_fields__ == tuple(usage.columns.keys())


async def test_a_group_is_written_whole_or_not_at_all(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.write() as connection:
            await settle(connection, rows_of(3))
            raise ZeroDivisionError
    assert [await all_of(database, table) for table in (usage, usage_hourly, usage_daily)] == [[], [], []]


async def test_money_is_summed_to_the_pico(database: Database) -> None:
    await written(database, [replace(row, cost=10**15 + 1) for row in rows_of(9)])
    (day,) = await all_of(database, usage_daily)
    assert day["cost"] == 9 * 10**15 + 9


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_statements_are_ones_that_both_databases_take(dialect: str) -> None:
    made = make_url(f"{dialect}://").get_dialect()()
    assert "ON CONFLICT (request_id) DO NOTHING" in str(SETTLE.compile(dialect=made))
    for adding, _ in ADD:
        assert ") DO UPDATE SET requests = (" in str(adding.compile(dialect=made))
