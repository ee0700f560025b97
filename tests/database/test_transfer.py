"""Copying a database: all of it, in one go, into one that is empty."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from databases import SQLITE_ONLY
from sqlalchemy import func, select, text

from penstock.database.connection import Database
from penstock.database.tables import (
    accounts,
    api_keys,
    audit,
    batch_lines,
    batch_runners,
    batches,
    files,
    invitations,
    metadata,
    plans,
    projects,
    sessions,
    usage,
    usage_daily,
    usage_hourly,
)
from penstock.database.transfer import Progress, transfer
from penstock.errors import OperatorError

TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")


def usage_row(number: int) -> dict[str, Any]:
    return {
        "request_id": f"req_{number}", "account_id": "acct_1", "key_id": "key_1", "model": "m\N{SNOWMAN}",
        "endpoint": "/v1/chat/completions", "created_at": 1.5e9 + number / 7, "status": 200, "outcome": "completed",
        "streamed": number % 2 == 0, **dict.fromkeys(TOKENS, number), "queue_ms": 0.1, "total_ms": 1 / 3,
        "cost": number * 10**12, "batch": number % 3 == 0,
    }  # fmt: skip


async def fill(database: Database, *, rows: int = 2500) -> None:
    """Something in every table whose rows refer to others or whose columns are kept in a form of their own."""
    account = {"id": "acct_1", "name": "Ann", "role": "admin", "created_at": 0.1, "email": "ann@example.org"}
    key = {
        "id": "key_1", "account_id": "acct_1", "name": "\\N\t\\.\n", "digest": "d", "hint": "h", "created_at": 2.0,
        "scopes": ["inference"], "models": None, "limits": {"requests_per_minute": 3},
    }  # fmt: skip
    invitation = {
        "id": "inv_1", "digest": "d", "role": "user", "plan": "free", "created_by": "acct_1", "created_at": 3.0,
        "expires_at": 4.0, "used_by": "acct_1",
    }  # fmt: skip
    event = {
        "id": "ev_1",
        "at": 5.0,
        "actor": "operator",
        "action": "key.create",
        "target": "key_1",
        "details": {"a": []},
    }
    hour = {
        "start": 3600, "account_id": "acct_1", "key_id": "key_1", "project_id": "", "model": "m", "endpoint": "e",
        "tier": "default", "batch": False, "requests": 2**40, "failed": 0, **dict.fromkeys(TOKENS, 1), "cost": 2**60,
    }  # fmt: skip
    project = {"id": "proj_1", "account_id": "acct_1", "name": "p", "created_at": 1.0}
    session = {
        "id": "sess_1", "account_id": "acct_1", "digest": "d", "created_at": 1.0, "last_seen_at": 1.0,
        "expires_at": 2.0, "client": "",
    }  # fmt: skip
    file = {
        "id": "file-1", "account_id": "acct_1", "filename": "a'b", "bytes": 2**40, "purpose": "batch",
        "created_at": 1.0, "blob": "ab/file-1",
    }  # fmt: skip
    batch = {
        "id": "batch_1", "account_id": "acct_1", "key_id": "key_1", "endpoint": "e", "input_file_id": "file-1",
        "completion_window": "24h", "metadata": {"a": "\\u0041"}, "status": "failed", "errors": None,
        "created_at": 1.0, "expires_at": 2.0,
    }  # fmt: skip
    line = {
        "batch_id": "batch_1", "line": 1, "custom_id": "a", "model": "", "prefix": 2**62, "position": 0, "size": 1,
        "result": '{"a": "\\n"}',
    }  # fmt: skip
    async with database.write() as connection:
        for table, row in (
            (accounts, account), (api_keys, key), (plans, {"name": "p", "definition": {"b": 1}, "updated_at": 1.0}),
            (invitations, invitation), (audit, event), (usage_hourly, hour), (usage_daily, hour), (projects, project),
            (sessions, session), (files, file), (batches, batch), (batch_lines, line),
            (batch_runners, {"id": "r", "beat": 1, "models": ["m"], "started_at": 1.0}),
        ):  # fmt: skip
            await connection.execute(table.insert().values(row))
        await connection.execute(usage.insert(), [usage_row(number) for number in range(rows)])


async def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    async with database.read() as connection:
        return {
            table.name: [
                tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in metadata.sorted_tables
        }


async def rows_in(database: Database) -> int:
    async with database.read() as connection:
        return sum(
            [
                (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in metadata.sorted_tables
            ]
        )


@pytest.fixture
async def postgresql(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url)
    await opened.connect()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database(sqlite_url)
    await opened.connect()
    yield opened
    await opened.close()


async def test_every_row_arrives_as_it_was(sqlite: Database, postgresql: Database) -> None:
    await fill(sqlite)
    told: list[Progress] = []
    rows = await transfer(sqlite, postgresql, told=told.append)
    there = await everything(postgresql)
    assert there == await everything(sqlite)
    assert all(there.values()), "nothing is left untried"
    assert rows == {name: len(found) for name, found in there.items()}
    assert [(one.done, one.total) for one in told if one.table == "usage"] == [
        (1000, 2500), (2000, 2500), (2500, 2500)
    ]  # fmt: skip


async def test_and_back_again(sqlite: Database, postgresql: Database) -> None:
    await fill(postgresql, rows=10)
    await transfer(postgresql, sqlite, told=lambda _: None)
    assert await everything(sqlite) == await everything(postgresql)


async def test_a_database_without_tables_is_given_them(sqlite: Database, postgresql: Database) -> None:
    async with postgresql.write() as connection:
        for table in [*reversed(metadata.sorted_tables)]:
            await connection.execute(text(f"DROP TABLE {table.name}"))
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.execute(text("DROP FUNCTION audit_only_grows"))
    await fill(sqlite, rows=1)
    await transfer(sqlite, postgresql, told=lambda _: None)
    assert await everything(postgresql) == await everything(sqlite)


async def test_a_database_with_rows_is_left_as_it_is(sqlite: Database, postgresql: Database) -> None:
    await fill(sqlite, rows=1)
    await fill(postgresql, rows=1)
    before = await everything(postgresql)
    with pytest.raises(OperatorError, match="is not empty: it has rows in accounts"):
        await transfer(sqlite, postgresql, told=lambda _: None)
    assert await everything(postgresql) == before


async def test_onto_itself_is_refused(sqlite: Database, sqlite_url: str) -> None:
    await fill(sqlite, rows=1)
    same = Database(sqlite_url)
    await same.connect()
    with pytest.raises(OperatorError, match="is not empty"):
        await transfer(sqlite, same, told=lambda _: None)
    await same.close()


async def test_a_row_that_cannot_be_kept_leaves_nothing_behind(sqlite: Database, postgresql: Database) -> None:
    """PostgreSQL takes no NUL in a text."""
    await fill(sqlite)
    async with sqlite.write() as connection:
        await connection.execute(usage.insert().values({**usage_row(9999), "model": "a\0b"}))
    with pytest.raises(OperatorError, match="NUL"):
        await transfer(sqlite, postgresql, told=lambda _: None)
    assert await rows_in(postgresql) == 0


async def test_what_is_written_meanwhile_is_seen(sqlite: Database, postgresql: Database) -> None:
    await fill(sqlite)
    writing: list[asyncio.Task[None]] = []

    async def write() -> None:
        async with sqlite.write() as connection:
            await connection.execute(usage.insert().values(usage_row(9999)))

    def told(progress: Progress) -> None:
        if progress.table == "accounts":
            writing.append(asyncio.create_task(write()))

    with pytest.raises(OperatorError, match="meanwhile, in usage"):
        await transfer(sqlite, postgresql, told=told)
    await asyncio.gather(*writing)
    assert await rows_in(postgresql) == 0


async def test_an_older_schema_is_brought_up_first(sqlite: Database, postgresql: Database) -> None:
    async with sqlite.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(OperatorError, match=r"is 0001, .* penstock migrate"):
        await transfer(sqlite, postgresql, told=lambda _: None)


@SQLITE_ONLY
async def test_whether_a_file_is_in_use_can_be_told(database: Database, database_url: str) -> None:
    other = Database(database_url)
    assert await other.in_use()
    await database.close()
    assert not await other.in_use()
    await other.connect()
    await other.close()
