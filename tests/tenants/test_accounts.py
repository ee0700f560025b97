"""Accounts: the operator's own, and those that are made."""

import asyncio

import pytest
from tenancy import OPERATOR, tenants_of

from penstock.database.connection import Database
from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.tenants import Tenants


async def test_two_processes_make_one_operator(database: Database, database_url: str) -> None:
    """A server and a command share no lock of ours."""
    other = Database(database_url)
    await other.connect()
    found = await asyncio.gather(*(tenants_of(one).accounts.operator() for one in (database, other) * 5))
    await other.close()
    assert len(set(found)) == 1
    assert (found[0].role, found[0].email) == ("admin", None)


@pytest.mark.parametrize("written", ["ann@example.org", " Ann@Example.ORG "])
async def test_an_account_is_found_by_its_email(tenants: Tenants, written: str) -> None:
    ann = await tenants.accounts.create("ANN@example.org ", by=OPERATOR)
    await tenants.accounts.create("bob@example.org", by=OPERATOR)
    assert await tenants.accounts.find_by_email(written) == ann
    with pytest.raises(NotFound):
        await tenants.accounts.find_by_email("nobody@example.org")


@pytest.mark.parametrize("taken", ["ann@example.org", " Ann@Example.ORG "])
async def test_an_email_is_one_accounts_alone(tenants: Tenants, taken: str) -> None:
    await tenants.accounts.create("ann@example.org", by=OPERATOR)
    with pytest.raises(InvalidRequest) as refused:
        await tenants.accounts.create(taken, by=OPERATOR)
    assert refused.value.param == "email"
