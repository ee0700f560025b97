"""A number in a database, which a test counts up: reading first, as what two writers at once would get wrong."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database


async def make_counter(database: Database) -> None:
    """A number, 0."""
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counters (number INTEGER NOT NULL)"))
        await connection.execute(text("INSERT INTO counters VALUES (0)"))


async def number_in(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT number FROM counters"))).scalar_one())


async def number(database: Database, *, seconds: float = 30.0) -> int:
    async with database.read(seconds=seconds) as connection:
        return await number_in(connection)


async def count_up(database: Database) -> None:
    """Reads, lets others go first, and writes."""
    async with database.write() as connection:
        seen = await number_in(connection)
        await asyncio.sleep(0)
        await connection.execute(text("UPDATE counters SET number = :number"), {"number": seen + 1})
