"""Lists of accounts, invitations and acts: sorted and narrowed by the database, in pages that have everybody once."""

import pytest
from sqlalchemy import update
from tenancy import OPERATOR

from penstock.database.connection import Database
from penstock.database.tables import api_keys, invitations
from penstock.tenants.account_order import AccountFilter, AccountSort
from penstock.tenants.accounts import Account, AccountChanges
from penstock.tenants.audit import Actor
from penstock.tenants.tenants import Tenants

PEOPLE = (("zoe@example.org", "Anna"), ("bob@example.org", "bert"), ("mia@example.org", "Carl"))


async def in_pages(tenants: Tenants, sort: AccountSort, *, ascending: bool, which: AccountFilter) -> list[Account]:
    """Page by page, two at a time."""
    found: list[Account] = []
    while True:
        after = found[-1].id if found else None
        page = await tenants.accounts.page(after=after, limit=2, which=which, sort=sort, ascending=ascending)
        found += page.rows
        if not page.has_more:
            return found


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_at", ["Anna", "bert", "Carl"]),
        ("name", ["Anna", "bert", "Carl"]),
        ("email", ["bert", "Carl", "Anna"]),
        ("last_active_at", ["Carl", "Anna", "bert"]),
    ],
)
async def test_accounts_are_sorted_by_what_is_asked(
    database: Database, tenants: Tenants, sort: AccountSort, expected: list[str]
) -> None:
    made = {name: await tenants.accounts.create(email, name=name, plan="core", by=OPERATOR) for email, name in PEOPLE}
    await tenants.sessions.begin(made["bert"], client="a browser")
    key, _ = await tenants.keys.create("k", account_id=made["Anna"].id, by=OPERATOR)
    async with database.write() as connection:
        await connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(last_used_at=1000.0))
    which = AccountFilter(plan="core")
    up = await in_pages(tenants, sort, ascending=True, which=which)
    down = await in_pages(tenants, sort, ascending=False, which=which)
    assert [account.name for account in up] == expected
    assert down == up[::-1]
    active = await tenants.accounts.last_active([account.id for account in made.values()])
    assert active.keys() == {made["Anna"].id, made["bert"].id}
    assert active[made["Anna"].id] == 1000.0


async def test_accounts_are_narrowed(tenants: Tenants, account: Account) -> None:
    ann = await tenants.accounts.create("ann@example.org", name="Ann", role="admin", by=OPERATOR)
    bob = await tenants.accounts.create("bob@example.org", name="Bob", plan="core", by=OPERATOR)
    bob = await tenants.accounts.update(bob.id, AccountChanges(disabled=True), by=OPERATOR)
    for which, expected in (
        (AccountFilter(role="admin"), [ann, account]),
        (AccountFilter(role="admin", search="ANN"), [ann]),
        (AccountFilter(plan="core"), [bob]),
        (AccountFilter(state="disabled"), [bob]),
        (AccountFilter(state="active", search="example"), [ann]),
        (AccountFilter(search=bob.id), [bob]),
        (AccountFilter(search=bob.id[:-1]), []),
    ):
        assert (await tenants.accounts.page(which=which)).rows == expected


async def test_invitations_are_narrowed_by_what_became_of_them(database: Database, tenants: Tenants) -> None:
    made = [await tenants.invitations.create(by=OPERATOR, life_seconds=1000 - number) for number in range(3)]
    ids = [invitation.id for invitation, _ in made]
    await tenants.invitations.redeem(made[0][1], email="ann@example.org", password="four brown foxes jump")
    async with database.write() as connection:
        over = update(invitations).where(invitations.c.id == ids[1]).values(expires_at=1.0)
        await connection.execute(over)
    for state, expected in (("used", ids[0]), ("expired", ids[1]), ("open", ids[2])):
        found = (await tenants.invitations.page(state=state)).rows  # type: ignore[arg-type]
        assert [one.id for one in found] == [expected]
    by_end = (await tenants.invitations.page(sort="expires_at", ascending=True)).rows
    assert [one.id for one in by_end] == [ids[1], ids[2], ids[0]]


async def test_acts_are_narrowed_by_actor_and_time(tenants: Tenants) -> None:
    await tenants.accounts.create("ann@example.org", by=Actor("Boss <b>@example.org"))
    await tenants.accounts.create("bob@example.org", by=OPERATOR)
    newest, oldest = (await tenants.audit.rows()).rows
    assert (await tenants.audit.rows(actor="boss <B>")).rows == [oldest]
    assert (await tenants.audit.rows(actor="%")).rows == []
    assert (await tenants.audit.rows(until=newest.at)).rows == [oldest]
    assert (await tenants.audit.rows(since=newest.at, until=newest.at)).rows == []
    assert (await tenants.audit.rows(ascending=True, limit=1)).rows == [oldest]
    assert (await tenants.audit.rows(ascending=True, after=oldest.id)).rows == [newest]
