from collections.abc import AsyncIterator

import pytest
from tenancy import tenants_of

from penstock.database.connection import Database
from penstock.tenants.accounts import Account
from penstock.tenants.tenants import Tenants


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, of each kind."""
    opened = Database(database_url)
    await opened.connect()
    yield opened
    await opened.close()


@pytest.fixture
def tenants(database: Database) -> Tenants:
    """The services of the room, as one process has them."""
    return tenants_of(database)


@pytest.fixture
async def account(tenants: Tenants) -> Account:
    """The operator's account."""
    return await tenants.accounts.operator()
