"""Invitations are used once, while whoever made them could still make them."""

import asyncio

import pytest
from tenancy import OPERATOR

from penstock.errors import ApiError, InvalidRequest, NotFound
from penstock.tenants.account_order import AccountFilter
from penstock.tenants.accounts import AccountChanges
from penstock.tenants.audit import Actor
from penstock.tenants.tenants import Tenants

PASSWORD = "four brown foxes jump"


async def test_of_several_who_use_one_at_once_one_gets_the_account(tenants: Tenants) -> None:
    made, token = await tenants.invitations.create(role="admin", plan="core", by=OPERATOR)
    tries = (tenants.invitations.redeem(token, email=f"u{n}@example.org", password=PASSWORD) for n in range(5))
    found = await asyncio.gather(*tries, return_exceptions=True)
    (account,) = [one for one in found if not isinstance(one, BaseException)]
    assert all(isinstance(one, NotFound) for one in found if one is not account)
    assert (account.role, account.plan) == ("admin", "core")
    (used,) = (await tenants.invitations.page()).rows
    assert (used.id, used.used_by) == (made.id, account.id)
    assert len((await tenants.accounts.page(which=AccountFilter(search="u"))).rows) == 1
    with pytest.raises(InvalidRequest):
        await tenants.invitations.revoke(made.id, by=OPERATOR)


async def test_it_is_for_its_email_alone(tenants: Tenants) -> None:
    _, token = await tenants.invitations.create(email="Bob@example.org", by=OPERATOR)
    with pytest.raises(InvalidRequest) as refused:
        await tenants.invitations.redeem(token, email="eve@example.org", password=PASSWORD)
    assert refused.value.param == "email"
    with pytest.raises(InvalidRequest) as refused:
        await tenants.invitations.redeem(token, email="bob@example.org", password="short")
    assert refused.value.param == "password"
    made = await tenants.invitations.redeem(token, email=" BOB@example.org", password=PASSWORD, name="Bob")
    assert (made.email, made.name, made.role, made.plan) == ("bob@example.org", "Bob", "user", "free")
    with pytest.raises(InvalidRequest):
        await tenants.invitations.create(email="bob@example.org", by=OPERATOR)


async def test_what_is_not_open_is_not_found(tenants: Tenants) -> None:
    taken_back, first = await tenants.invitations.create(by=OPERATOR)
    await tenants.invitations.revoke(taken_back.id, by=OPERATOR)
    _, late = await tenants.invitations.create(life_seconds=1e-6, by=OPERATOR)
    boss = await tenants.accounts.create("boss@example.org", role="admin", by=OPERATOR)
    _, orphan = await tenants.invitations.create(role="admin", by=Actor("boss", account_id=boss.id))
    await tenants.invitations.find(orphan)
    await tenants.accounts.update(boss.id, AccountChanges(role="user"), by=OPERATOR)
    for token in (first, late, orphan, "pinv_nothing", "", "\ud800", "' OR 1=1 --"):
        with pytest.raises(NotFound):
            await tenants.invitations.redeem(token, email="eve@example.org", password=PASSWORD)
    for life in (0.0, -1.0, 1e9):
        with pytest.raises(ApiError):
            await tenants.invitations.create(life_seconds=life, by=OPERATOR)
