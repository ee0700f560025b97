from collections.abc import AsyncIterator

import pytest

from penstock.database.connection import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, of each kind."""
    opened = Database(database_url)
    await opened.connect()
    yield opened
    await opened.close()
