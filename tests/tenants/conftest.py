from collections.abc import AsyncIterator

import pytest

from penstock.database.connection import Database
from penstock.tenants.accounts import Account, Accounts


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, of each kind."""
    opened = Database(database_url)
    await opened.connect()
    yield opened
    await opened.close()


@pytest.fixture
async def account(database: Database) -> Account:
    """The operator's account."""
    return await Accounts(database).operator()
