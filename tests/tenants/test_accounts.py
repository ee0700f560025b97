"""Accounts: the operator's own, and those that are made."""

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from tenancy import OPERATOR, tenants_of

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.account_order import AccountFilter
from penstock.tenants.accounts import Account, AccountChanges
from penstock.tenants.audit import Actor
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


PASSWORD = "four brown foxes jump"


async def test_a_password_opens_its_active_account_alone(tenants: Tenants) -> None:
    ann = await tenants.accounts.create("ann@example.org", password=PASSWORD, by=OPERATOR)
    await tenants.accounts.create("bob@example.org", by=OPERATOR)
    assert await tenants.accounts.verify(" ANN@example.org", PASSWORD) == ann
    for email, password in (
        ("ann@example.org", PASSWORD + "x"),
        ("bob@example.org", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ):
        assert await tenants.accounts.verify(email, password) is None
    await tenants.accounts.update(ann.id, AccountChanges(disabled=True), by=OPERATOR)
    assert await tenants.accounts.verify("ann@example.org", PASSWORD) is None


async def test_an_old_hash_is_made_anew_when_it_was_right(database: Database, tenants: Tenants) -> None:
    ann = await tenants.accounts.create("ann@example.org", password=PASSWORD, by=OPERATOR)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with database.write() as connection:
        await connection.execute(accounts.update().where(accounts.c.id == ann.id).values(password_hash=weak))
    assert await tenants.accounts.verify("ann@example.org", PASSWORD) == ann
    async with database.read() as connection:
        kept = (await connection.execute(select(accounts.c.password_hash).where(accounts.c.id == ann.id))).scalar_one()
    assert "m=19456" in kept
    assert await tenants.accounts.verify("ann@example.org", PASSWORD) == ann


async def test_an_administrator_is_always_left(tenants: Tenants, account: Account) -> None:
    """And one who can log in, once there is one."""
    update = tenants.accounts.update
    with pytest.raises(InvalidRequest) as refused:
        await update(account.id, AccountChanges(disabled=True), by=OPERATOR)
    assert refused.value.code == "last_admin"
    first = await tenants.accounts.create("a@example.org", role="admin", password=PASSWORD, by=OPERATOR)
    with pytest.raises(InvalidRequest):
        await update(first.id, AccountChanges(role="user"), by=OPERATOR)
    second = await tenants.accounts.create("b@example.org", role="admin", password=PASSWORD, by=OPERATOR)
    both = (update(one.id, AccountChanges(role="user"), by=OPERATOR) for one in (first, second))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert [isinstance(one, InvalidRequest) for one in done].count(True) == 1


INERT = [
    "' OR '1'='1",
    'x"; DROP TABLE accounts; --',
    "%",
    "_",
    "\\",
    "Robert'); DELETE FROM audit; --",
    "$1 ?1 :name {0}",
]


@pytest.mark.parametrize("text", INERT)
async def test_sql_is_text_like_any_other(tenants: Tenants, account: Account, text: str) -> None:
    ann = await tenants.accounts.create("ann@example.org", name=text, by=Actor(text))
    assert (await tenants.accounts.get(ann.id)).name == text
    found = (await tenants.accounts.page(which=AccountFilter(search=text))).rows
    assert found == [ann]
    key, _ = await tenants.keys.create(text, account_id=ann.id, models=(text,), by=Actor(text))
    assert await tenants.keys.named(text) == key
    assert (await tenants.audit.rows(action=text)).rows == []
    assert {act.actor for act in (await tenants.audit.rows(account_id=None)).rows} == {text}
    for ask in (tenants.accounts.get(text), tenants.keys.get(text), tenants.plans.get(text)):
        with pytest.raises(NotFound):
            await ask
    for page in (tenants.accounts.page, tenants.keys.page, tenants.audit.rows, tenants.invitations.page):
        with pytest.raises(InvalidRequest):
            await page(after=text)


@pytest.mark.parametrize(
    "email", ["", "ann", "@example.org", "ann@", "a b@c.d", "a@b@c", "a@b..c", "a\n@b.c", "<a@b.c>", "a@b.c\0"]
)
async def test_what_is_no_email(tenants: Tenants, email: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await tenants.accounts.create(email, by=OPERATOR)
    assert refused.value.param == "email"


async def test_pages_hold_everybody_once(tenants: Tenants, account: Account) -> None:
    made = [await tenants.accounts.create(f"u{number}@example.org", by=OPERATOR) for number in range(5)]
    seen: list[Account] = []
    after: str | None = None
    while True:
        page = await tenants.accounts.page(after=after, limit=2)
        seen += page.rows
        if not page.has_more:
            break
        after = page.rows[-1].id
    assert seen == [*reversed(made), account]
    with pytest.raises(InvalidRequest):
        await tenants.accounts.page(after="acct_0000000000000000")
