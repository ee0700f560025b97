"""Copies everything from one database into another, which is empty: from SQLite to PostgreSQL, as a rule."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import PATIENT_SECONDS, Database
from penstock.database.schema import migrate, newest_revision, revision_of
from penstock.database.tables import metadata
from penstock.errors import OperatorError

_ROWS = 1000
"""In memory at a time."""


@dataclass(frozen=True)
class Progress:
    """How many rows of a table are there by now."""

    table: str
    done: int
    total: int


async def transfer(source: Database, target: Database, *, told: Callable[[Progress], None]) -> dict[str, int]:
    """Copy every table, in one transaction; the rows of each by its name.

    The source is read in one state and is not changed. The target is brought to the newest schema first. Raises
    OperatorError where the schema of the source is not the newest, the target has rows, somebody wrote to the source
    meanwhile, or not all rows arrived; the target is then as it was.
    """
    found, newest = await revision_of(source), newest_revision()
    if found != newest:
        raise OperatorError(
            f"The schema of {source.shown} is {found or 'none'}, and {newest} is what this version copies. Bring it"
            " there with penstock migrate, without PENSTOCK_DATABASE_URL."
        )
    await migrate(target)
    with source.faults_told():
        async with source.read(seconds=PATIENT_SECONDS) as reading:
            with target.faults_told():
                async with target.write(seconds=PATIENT_SECONDS) as writing:
                    await _refuse_rows(writing, target)
                    # In this order a row comes after those that it refers to.
                    rows = {
                        table.name: await _copy(table, reading, writing, target, told=told)
                        for table in metadata.sorted_tables
                    }
                    await _refuse_changes(source, rows)
                    return rows


async def _refuse_rows(connection: AsyncConnection, target: Database) -> None:
    for table in metadata.sorted_tables:
        if (await connection.execute(select(1).select_from(table).limit(1))).first() is not None:
            raise OperatorError(
                f"{target.shown} is not empty: it has rows in {table.name}. Copy into a database that was just made."
            )


async def _refuse_changes(source: Database, rows: dict[str, int]) -> None:
    async with source.read(seconds=PATIENT_SECONDS) as connection:
        for table in metadata.sorted_tables:
            if await _count(table, connection) != rows[table.name]:
                raise OperatorError(
                    f"Somebody wrote to {source.shown} meanwhile, in {table.name}; nothing was kept. Stop that, and"
                    " copy again."
                )


async def _copy(
    table: Table,
    reading: AsyncConnection,
    writing: AsyncConnection,
    target: Database,
    *,
    told: Callable[[Progress], None],
) -> int:
    total, done = await _count(table, reading), 0
    async with reading.stream(select(table).execution_options(yield_per=_ROWS)) as rows:
        async for part in rows.mappings().partitions():
            await target.fill(writing, table, [dict(row) for row in part])
            done += len(part)
            told(Progress(table.name, done, total))
    if (arrived := await _count(table, writing)) != total:
        raise OperatorError(f"Of {total} rows of {table.name} {arrived} arrived; nothing was kept.")
    return done


async def _count(table: Table, connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())
