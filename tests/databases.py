"""Databases for tests: on which kinds one runs, and how a migrated one is made."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.database.connection import Database
from penstock.database.schema import migrate

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a test of `database_url` or `database` that looks into the file."""
POSTGRESQL_ONLY = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def migrated(url: str) -> None:
    """Bring a database to the newest schema; in a thread, as a fixture may have a loop around it."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _migrate(url)).result()


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.connect()
    await migrate(database)
    await database.close()
