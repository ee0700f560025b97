"""The audit log has one row for each act, and only grows."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tenancy import OPERATOR

from penstock.database.connection import Database
from penstock.errors import InvalidRequest
from penstock.tenants.accounts import Account, AccountChanges
from penstock.tenants.audit import Actor
from penstock.tenants.key import KeyChanges
from penstock.tenants.tenants import Tenants


async def test_every_act_is_one_row_with_who_and_what(tenants: Tenants, account: Account) -> None:
    boss = Actor("boss@example.org", account_id=account.id, request_id="req_1")
    ann = await tenants.accounts.create("ann@example.org", by=boss)
    await tenants.accounts.update(ann.id, AccountChanges(plan="core"), by=boss)
    await tenants.accounts.update(ann.id, AccountChanges(plan="core"), by=boss)  # nothing changes
    await tenants.accounts.set_password(ann.id, "four brown foxes jump", by=boss)
    key, secret = await tenants.keys.create("k", account_id=ann.id, by=boss)
    await tenants.keys.update(key.id, KeyChanges(scopes=("batch",)), by=boss)
    _, renewed = await tenants.keys.rotate(key.id, keep_seconds=60, by=boss)
    await tenants.keys.revoke(key.id, by=boss)
    await tenants.plans.set("free", {"concurrency": 3}, by=boss)
    await tenants.plans.reset("free", by=boss)
    invitation, token = await tenants.invitations.create(by=boss)
    await tenants.invitations.revoke(invitation.id, by=boss)
    rows = (await tenants.audit.rows()).rows[::-1]
    assert [(row.action, row.target) for row in rows] == [
        ("account.create", ann.id),
        ("account.update", ann.id),
        ("account.set_password", ann.id),
        ("key.create", key.id),
        ("key.update", key.id),
        ("key.rotate", key.id),
        ("key.revoke", key.id),
        ("plan.set", "free"),
        ("plan.reset", "free"),
        ("invitation.create", invitation.id),
        ("invitation.revoke", invitation.id),
    ]
    assert {(row.actor, row.account_id, row.request_id) for row in rows} == {("boss@example.org", account.id, "req_1")}
    assert rows[1].details == {"plan": {"from": "free", "to": "core"}}
    assert rows[4].details == {"scopes": {"from": ["inference", "batch"], "to": ["batch"]}}
    assert rows[7].details == {"concurrency": {"from": 2, "to": 3}}
    kept = repr(rows)
    assert [one for one in (secret, renewed, token, "foxes", "argon2") if one in kept] == []


async def test_what_was_refused_is_not_in_it(tenants: Tenants, account: Account) -> None:
    await tenants.accounts.create("ann@example.org", by=OPERATOR)
    for refused in (
        tenants.accounts.create("ann@example.org", by=OPERATOR),
        tenants.plans.set("free", {"concurrency": -1}, by=OPERATOR),
        tenants.keys.create("k", account_id=account.id, scopes=(), by=OPERATOR),
    ):
        with pytest.raises(InvalidRequest):
            await refused
    assert len((await tenants.audit.rows()).rows) == 1


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
async def test_no_statement_changes_a_row(database: Database, tenants: Tenants, statement: str) -> None:
    await tenants.accounts.create("ann@example.org", by=OPERATOR)
    with pytest.raises(DBAPIError):
        async with database.write() as connection:
            await connection.execute(text(statement))
    assert [row.actor for row in (await tenants.audit.rows()).rows] == [OPERATOR.label]


async def test_it_is_asked_by_kind_actor_target_and_time(tenants: Tenants, account: Account) -> None:
    ann = await tenants.accounts.create("ann@example.org", by=Actor("boss", account_id=account.id))
    key, _ = await tenants.keys.create("k", account_id=ann.id, by=OPERATOR)
    (made, by_boss) = (await tenants.audit.rows()).rows
    assert (
        (await tenants.audit.rows(action="key")).rows == (await tenants.audit.rows(action="key.create")).rows == [made]
    )
    assert (await tenants.audit.rows(action="key.creat")).rows == []
    assert (await tenants.audit.rows(account_id=account.id)).rows == [by_boss]
    assert (await tenants.audit.rows(target=key.id)).rows == [made]
    assert (await tenants.audit.rows(since=made.at)).rows == [made]
    assert (await tenants.audit.rows(after=made.id)).rows == [by_boss]
