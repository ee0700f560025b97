import asyncio
import time
from pathlib import Path

import pytest
from databases import SQLITE_ONLY

from penstock.database.connection import Database
from penstock.errors import InvalidKey, OperatorError
from penstock.tenants.accounts import Account, Accounts
from penstock.tenants.keys import CACHE_SECONDS, Keys
from penstock.tenants.secret import new_secret

PEPPER = b"p" * 32


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_is_found_by_its_secret(database: Database, account: Account) -> None:
    keys = Keys(database, PEPPER)
    key, secret = await keys.create("laptop", account_id=account.id)
    caller = await keys.find(secret)
    assert (caller.account_id, caller.key_id, caller.key_name) == (account.id, key.id, "laptop")


@SQLITE_ONLY
async def test_the_secret_is_kept_nowhere(database: Database, account: Account, tmp_path: Path) -> None:
    _, secret = await Keys(database, PEPPER).create("laptop", account_id=account.id)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"laptop" in kept
    assert secret.encode() not in kept
    assert secret[8:-4].encode() not in kept


async def test_another_pepper_opens_nothing(database: Database, account: Account) -> None:
    _, secret = await Keys(database, PEPPER).create("laptop", account_id=account.id)
    with pytest.raises(InvalidKey):
        await Keys(database, b"q" * 32).find(secret)


async def test_whatever_is_wrong_the_answer_is_the_same(database: Database, account: Account) -> None:
    keys = Keys(database, PEPPER)
    _, revoked = await keys.create("revoked", account_id=account.id)
    await keys.revoke("revoked")
    _, expired = await keys.create("expired", account_id=account.id, expires_at=time.time() - 1)
    messages = set()
    for secret in (revoked, expired, new_secret(), "psk_", "", "nonsense", revoked[:-1] + "!"):
        with pytest.raises(InvalidKey) as caught:
            await keys.find(secret)
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_a_revocation_elsewhere_holds_after_five_seconds(database: Database, account: Account) -> None:
    clock = Clock()
    server, command = Keys(database, PEPPER, monotonic=clock), Keys(database, PEPPER)
    _, secret = await server.create("laptop", account_id=account.id)
    await server.find(secret)
    await command.revoke("laptop")
    clock.now += CACHE_SECONDS - 0.1
    await server.find(secret)  # believed until then
    clock.now += 0.2
    with pytest.raises(InvalidKey):
        await server.find(secret)


async def test_a_new_key_works_at_once_also_where_it_was_refused_before(database: Database, account: Account) -> None:
    server, command = Keys(database, PEPPER), Keys(database, PEPPER)
    for number in range(3):
        _, secret = await command.create(f"k{number}", account_id=account.id)
        await server.find(secret)


async def test_expiry_is_checked_on_every_use(database: Database, account: Account) -> None:
    keys = Keys(database, PEPPER)
    _, secret = await keys.create("short", account_id=account.id, expires_at=time.time() + 0.3)
    await keys.find(secret)
    with pytest.raises(InvalidKey):  # noqa: PT012 -- it is a cached answer that must stop being good
        for _ in range(200):
            await keys.find(secret)
            await asyncio.sleep(0.01)


async def test_a_cached_answer_needs_no_database(database: Database, account: Account) -> None:
    keys = Keys(database, PEPPER)
    _, secret = await keys.create("laptop", account_id=account.id)
    await keys.find(secret)
    await database.close()
    assert (await keys.find(secret)).key_name == "laptop"


async def test_the_cache_is_bounded(database: Database) -> None:
    keys = Keys(database, PEPPER, cache_entries=10)
    for _ in range(30):
        with pytest.raises(InvalidKey):
            await keys.find(new_secret())
    assert len(keys._cache) == 10


async def test_revoking_by_name_or_id(database: Database, account: Account) -> None:
    keys = Keys(database, PEPPER)
    first, _ = await keys.create("twin", account_id=account.id)
    second, _ = await keys.create("twin", account_id=account.id)
    with pytest.raises(OperatorError, match=second.id):
        await keys.revoke("twin")
    assert (await keys.revoke(first.id)).id == first.id
    assert (await keys.revoke("twin")).id == second.id
    assert (await keys.revoke("twin")).revoked_at is not None  # again: it stays revoked
    with pytest.raises(OperatorError, match="keys list"):
        await keys.revoke("nobody")
    assert {key.state(time.time()) for key in await keys.list_keys()} == {"revoked"}


async def test_the_operator_is_one_account_however_often_it_is_asked_for(database: Database) -> None:
    accounts = Accounts(database)
    found = await asyncio.gather(*(accounts.operator() for _ in range(5)))
    assert len(set(found)) == 1
    with pytest.raises(OperatorError, match=r"nobody@example\.org"):
        await accounts.find_by_email("nobody@example.org")
