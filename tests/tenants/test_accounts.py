"""Accounts: the operator's own, and those that are found by their e-mail."""

import asyncio
from dataclasses import replace

import pytest

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import OperatorError
from penstock.tenants.accounts import Account, Accounts

ANN = Account("acct_1", "ann@example.org", "Ann", "user", 1.5)


async def test_two_processes_make_one_operator(database: Database, database_url: str) -> None:
    """A server and a command share no lock of ours."""
    other = Database(database_url)
    await other.connect()
    found = await asyncio.gather(*(Accounts(one).operator() for one in (database, other) * 5))
    await other.close()
    assert len(set(found)) == 1
    assert (found[0].role, found[0].email) == ("admin", None)


@pytest.mark.parametrize("written", ["ann@example.org", " Ann@Example.ORG "])
async def test_an_account_is_found_by_its_email(database: Database, written: str) -> None:
    async with database.write() as connection:
        await connection.execute(accounts.insert().values(ANN.__dict__))
        await connection.execute(accounts.insert().values(replace(ANN, id="acct_2", email="bob@example.org").__dict__))
    assert await Accounts(database).find_by_email(written) == ANN


async def test_without_one_the_next_step_is_told(database: Database) -> None:
    with pytest.raises(OperatorError, match="Leave --account out"):
        await Accounts(database).find_by_email("nobody@example.org")
