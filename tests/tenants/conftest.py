from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.tenants.accounts import Account, Accounts


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database."""
    opened = Database(f"sqlite+aiosqlite:///{tmp_path / 'penstock.db'}")
    await opened.connect()
    await migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def account(database: Database) -> Account:
    """The operator's account."""
    return await Accounts(database).operator()
