"""Keys are made, shown once, named, changed and revoked."""

import time
from pathlib import Path

import pytest
from databases import SQLITE_ONLY
from tenancy import OPERATOR

from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.accounts import Account
from penstock.tenants.key import Key
from penstock.tenants.tenants import Tenants


async def make(tenants: Tenants, account: Account, name: str = "laptop", *, expires_at: float | None = None) -> Key:
    key, _ = await tenants.keys.create(name, account_id=account.id, expires_at=expires_at, by=OPERATOR)
    return key


@SQLITE_ONLY
async def test_the_secret_is_kept_nowhere(tenants: Tenants, account: Account, tmp_path: Path) -> None:
    _, secret = await tenants.keys.create("laptop", account_id=account.id, by=OPERATOR)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"laptop" in kept
    assert secret.encode() not in kept
    assert secret[8:-4].encode() not in kept


async def test_a_name_or_an_id_means_one_key(tenants: Tenants, account: Account) -> None:
    first, second = await make(tenants, account, "twin"), await make(tenants, account, "twin")
    with pytest.raises(InvalidRequest, match=second.id):
        await tenants.keys.named("twin")
    assert await tenants.keys.named(first.id) == first
    await tenants.keys.revoke(first.id, by=OPERATOR)
    assert await tenants.keys.named("twin") == second
    await tenants.keys.revoke(second.id, by=OPERATOR)
    assert (await tenants.keys.named("twin")).revoked_at is not None
    for nobody in ("nobody", "Twin", "key_0000000000000000"):
        with pytest.raises(NotFound, match="keys list"):
            await tenants.keys.named(nobody)
    assert {key.state(time.time()) for key in (await tenants.keys.page()).rows} == {"revoked"}


async def test_an_id_means_its_key_whatever_others_are_called(tenants: Tenants, account: Account) -> None:
    wanted = await make(tenants, account)
    await make(tenants, account, wanted.id)
    assert await tenants.keys.named(wanted.id) == wanted


async def test_a_name_means_the_active_key_of_those_that_had_it(tenants: Tenants, account: Account) -> None:
    """Whoever makes a key each month by the same name need not look up its id."""
    await make(tenants, account, "monthly", expires_at=time.time() - 1)
    current = await make(tenants, account, "monthly")
    assert await tenants.keys.named("monthly") == current


async def test_a_second_revocation_changes_nothing(tenants: Tenants, account: Account) -> None:
    key = await make(tenants, account)
    assert (await tenants.keys.revoke(key.id, by=OPERATOR)).revoked_at is None
    before = await tenants.keys.get(key.id)
    assert await tenants.keys.revoke(key.id, by=OPERATOR) == before
    assert (await tenants.keys.page()).rows == [before]


async def test_an_account_sees_its_own_keys(tenants: Tenants, account: Account) -> None:
    other = await tenants.accounts.create("ann@example.org", by=OPERATOR)
    mine, theirs = await make(tenants, account, "mine"), await make(tenants, other, "theirs")
    assert (await tenants.keys.page(account_id=account.id)).rows == [mine]
    assert (await tenants.keys.page()).rows == [theirs, mine]
