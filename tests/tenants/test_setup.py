"""The first administrator is made once, by whoever has the token, whatever else goes on."""

import asyncio
from typing import Any

import pytest
from tenancy import OPERATOR, tenants_of

from penstock.database.connection import Database
from penstock.errors import InvalidRequest, SetupDone, WrongSetupToken
from penstock.tenants.accounts import Account
from penstock.tenants.setup import Setup
from penstock.tenants.tenants import Tenants

PASSWORD = "four brown foxes jump"


async def finish(setup: Setup, token: str, email: str = "root@example.org", password: str = PASSWORD) -> Account:
    return await setup.finish(token, name="Root", email=email, password=password, request_id="req_1")


async def test_it_makes_an_administrator_and_a_row_of_the_audit_log(tenants: Tenants) -> None:
    token = await tenants.setup.offer()
    assert token is not None
    made = await finish(tenants.setup, token)
    assert (made.email, made.name, made.role, made.plan) == ("root@example.org", "Root", "admin", "unlimited")
    assert await tenants.accounts.verify("root@example.org", PASSWORD) == made
    (act,) = (await tenants.audit.rows(action="account.setup")).rows
    assert (act.target, act.account_id, act.request_id) == (made.id, made.id, "req_1")
    assert not await tenants.setup.needed()
    assert await tenants.setup.offer() is None
    with pytest.raises(SetupDone):
        await finish(tenants.setup, token, "again@example.org")


async def test_only_the_last_token_opens(tenants: Tenants) -> None:
    with pytest.raises(WrongSetupToken):
        await finish(tenants.setup, "pset_before_any_was_offered")
    first, second = await tenants.setup.offer(), await tenants.setup.offer()
    assert first
    assert second
    assert first != second
    for wrong in (first, "", second[:-1], f"{second} ", second.upper(), "\ud800"):
        with pytest.raises(WrongSetupToken):
            await finish(tenants.setup, wrong)
    await finish(tenants.setup, second)


async def test_a_mistake_in_a_field_costs_nothing(tenants: Tenants) -> None:
    token = await tenants.setup.offer() or ""
    for email, password, param in (("nobody", PASSWORD, "email"), ("root@example.org", "short", "password")):
        with pytest.raises(InvalidRequest) as refused:
            await finish(tenants.setup, token, email, password)
        assert refused.value.param == param
    assert await tenants.setup.needed()
    await finish(tenants.setup, token)


async def test_of_several_who_try_at_once_one_does(tenants: Tenants, database: Database) -> None:
    """On two servers of one database, each with a token of its own."""
    other = tenants_of(database)
    here, there = await tenants.setup.offer() or "", await other.setup.offer() or ""
    tries = [finish(tenants.setup, here, f"a{n}@example.org") for n in range(4)]
    tries += [finish(other.setup, there, f"b{n}@example.org") for n in range(4)]
    found: list[Any] = await asyncio.gather(*tries, return_exceptions=True)
    (account,) = [one for one in found if isinstance(one, Account)]
    assert all(isinstance(one, SetupDone) for one in found if one is not account)
    assert [one.id for one in (await tenants.accounts.page()).rows] == [account.id]
    assert not await tenants.setup.needed()
    assert not await other.setup.needed()


async def test_an_account_with_a_password_ends_it_and_one_without_does_not(tenants: Tenants) -> None:
    token = await tenants.setup.offer() or ""
    await tenants.accounts.operator()
    ann = await tenants.accounts.create("ann@example.org", by=OPERATOR)
    assert await tenants.setup.needed()
    await tenants.accounts.set_password(ann.id, PASSWORD, by=OPERATOR)
    assert not await tenants.setup.needed()
    with pytest.raises(SetupDone):
        await finish(tenants.setup, token)


async def test_the_token_is_not_kept(tenants: Tenants) -> None:
    token = await tenants.setup.offer() or ""
    assert token not in repr(vars(tenants.setup))
    assert len(token) >= 43
