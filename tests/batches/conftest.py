"""A database and a store of bodies of each test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tenancy import OPERATOR, tenants_of

from penstock.batches.blobs import Blobs
from penstock.database.connection import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.connect()
    yield database
    await database.close()


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    """The folder of the store."""
    return tmp_path / "files"


@pytest.fixture
def blobs(bodies: Path) -> Blobs:
    return Blobs.at("", bodies)


@pytest.fixture
async def account(database: Database) -> str:
    return (await tenants_of(database).accounts.create("ann@example.org", by=OPERATOR)).id


@pytest.fixture
async def stranger(database: Database) -> str:
    """The id of another account."""
    return (await tenants_of(database).accounts.create("bob@example.org", by=OPERATOR)).id
