"""A key never does more than its maker, whatever was changed, and whoever changed it."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from tenancy import OPERATOR, tenants_of

from penstock.database.connection import Database
from penstock.errors import ApiError, InvalidKey, InvalidRequest, PermissionDenied
from penstock.tenants.accounts import Account, AccountChanges
from penstock.tenants.audit import Actor
from penstock.tenants.caller import SCOPES, Caller
from penstock.tenants.chain import LONGEST_CHAIN
from penstock.tenants.key import Key, KeyChanges
from penstock.tenants.plans import Limits, ModelLimits
from penstock.tenants.tenants import Tenants

scopes = st.lists(st.sampled_from(SCOPES), min_size=1, unique=True).map(tuple)
models = st.none() | st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple)
limits = st.builds(
    Limits, requests_per_minute=st.none() | st.integers(0, 80), concurrency=st.none() | st.integers(0, 15)
)
lives = st.none() | st.sampled_from((-1.0, 600.0, 1200.0))
whose = st.none() | st.integers(0, 5)
changes = st.builds(
    KeyChanges,
    disabled=st.just(UNSET) | st.booleans(),
    expires_at=st.just(UNSET) | lives.map(lambda life: life and time.time() + life),
    scopes=st.just(UNSET) | scopes,
    models=st.just(UNSET) | models,
    limits=st.just(UNSET) | limits,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("make"), whose, scopes, models, limits, lives),
        st.tuples(st.just("make"), whose, scopes, models, limits, lives),
        st.tuples(st.just("update"), st.integers(0, 5), whose, changes),
        st.tuples(st.just("revoke"), st.integers(0, 5)),
        st.tuples(
            st.just("account"), st.sampled_from(("user", "admin")), st.sampled_from(("free", "standard", "core"))
        ),
    ),
    min_size=3,
    max_size=12,
)


def actor(key_id: str | None) -> Actor:
    return Actor("a program", key_id=key_id)


@dataclass
class World:
    """One account, and the keys that were made, each by the one whose number was drawn."""

    tenants: Tenants
    account_id: str
    keys: list[tuple[Key, str]]

    def _id(self, number: int | None) -> str | None:
        return self.keys[number % len(self.keys)][0].id if number is not None and self.keys else None

    async def take(self, step: tuple) -> None:  # type: ignore[type-arg]
        match step:
            case ("make", maker, scopes, models, limits, life):
                made = await self.tenants.keys.create(
                    "k",
                    account_id=self.account_id,
                    by=actor(self._id(maker)),
                    scopes=scopes,
                    models=models,
                    limits=limits,
                    expires_at=life and time.time() + life,
                )
                self.keys.append(made)
            case ("update", number, by, changes) if self.keys:
                await self.tenants.keys.update(self._id(number) or "", changes, by=actor(self._id(by)))
            case ("revoke", number) if self.keys:
                await self.tenants.keys.revoke(self._id(number) or "", by=OPERATOR)
            case ("account", role, plan):
                change = AccountChanges(role=role, plan=plan)
                await self.tenants.accounts.update(self.account_id, change, by=OPERATOR)


async def opened(tenants: Tenants, secret: str) -> Caller | None:
    try:
        return await tenants.callers.find(secret)
    except InvalidKey:
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps)
async def test_a_caller_may_do_a_part_of_what_each_maker_may_now(
    database: Database,
    tenants: Tenants,
    account: Account,
    taken: list[tuple],  # type: ignore[type-arg]
) -> None:
    owner = await tenants.accounts.create(f"a{time.time_ns()}@example.org", role="admin", plan="core", by=OPERATOR)
    world = World(tenants, owner.id, [])
    for step in taken:
        try:
            await world.take(step)
        except ApiError:
            continue
    now = tenants_of(database)
    found = {key.id: await opened(now, secret) for key, secret in world.keys}
    role = (await tenants.accounts.get(owner.id)).role
    for key, _ in world.keys:
        caller = found[key.id]
        if caller is None:
            continue
        assert role == "admin" or "admin" not in caller.scopes
        if key.maker_key_id is not None:
            maker = found[key.maker_key_id]
            assert maker is not None
            assert caller.scopes <= maker.scopes
            assert maker.models is None or (caller.models is not None and caller.models <= maker.models)
            assert {one.id for one in maker.subjects} < {one.id for one in caller.subjects}
            assert all(one in caller.subjects for one in maker.subjects)


@pytest.fixture
async def admin(tenants: Tenants, account: Account) -> Account:
    return await tenants.accounts.create("root@example.org", role="admin", plan="standard", by=OPERATOR)


async def refused(act: Awaitable[object], kind: type[ApiError], param: str | None = None) -> None:
    with pytest.raises(kind) as caught:
        await act
    assert caught.value.param == param


async def test_more_than_the_maker_has_is_refused(tenants: Tenants, admin: Account) -> None:
    until = time.time() + 600
    maker, _ = await tenants.keys.create(
        "maker",
        account_id=admin.id,
        by=OPERATOR,
        scopes=("inference",),
        models=("a",),
        expires_at=until,
        limits=Limits(requests_per_minute=10, models={"a": ModelLimits(context=100)}),
    )
    by, keys = actor(maker.id), tenants.keys
    for field, more in {
        "scopes": {"scopes": ("inference", "admin")},
        "models": {"models": ("a", "b")},
        "expires_at": {"expires_at": until + 1},
        "limits.requests_per_minute": {"limits": Limits(requests_per_minute=11)},
        "limits.models.a.context": {"limits": Limits(models={"a": ModelLimits(context=101)})},
        "limits.concurrency": {"limits": Limits(concurrency=11)},  # the account's plan has 10
    }.items():
        await refused(keys.create("k", account_id=admin.id, by=by, **more), InvalidRequest, field)  # type: ignore[arg-type]
    made, secret = await keys.create("k", account_id=admin.id, by=by)
    caller = await tenants.callers.find(secret)
    assert caller.scopes == {"inference"}
    assert caller.models == frozenset("a")
    await refused(keys.update(made.id, KeyChanges(scopes=("batch",)), by=OPERATOR), InvalidRequest, "scopes")


async def test_a_user_has_no_key_that_administers(tenants: Tenants, admin: Account) -> None:
    _, secret = await tenants.keys.create("k", account_id=admin.id, scopes=("admin", "inference"), by=OPERATOR)
    assert "admin" in (await tenants.callers.find(secret)).scopes
    await tenants.accounts.update(admin.id, AccountChanges(role="user"), by=OPERATOR)
    assert (await tenants.callers.find(secret)).scopes == {"inference"}
    await refused(
        tenants.keys.create("k", account_id=admin.id, scopes=("admin",), by=OPERATOR), InvalidRequest, "scopes"
    )


async def test_a_key_gives_no_other_more_than_it_has(tenants: Tenants, admin: Account) -> None:
    """Nor does it get at the secret of a stronger one, nor widen itself."""
    weak, _ = await tenants.keys.create("weak", account_id=admin.id, scopes=("admin",), models=("a",), by=OPERATOR)
    strong, _ = await tenants.keys.create("strong", account_id=admin.id, scopes=("admin", "batch"), by=OPERATOR)
    narrow, _ = await tenants.keys.create("narrow", account_id=admin.id, scopes=("admin",), models=("a",), by=OPERATOR)
    by, keys = actor(weak.id), tenants.keys
    await refused(keys.rotate(strong.id, keep_seconds=0, by=by), PermissionDenied)
    await refused(keys.update(narrow.id, KeyChanges(models=None), by=by), PermissionDenied)
    await refused(keys.update(weak.id, KeyChanges(models=None), by=by), PermissionDenied)
    await refused(keys.update(weak.id, KeyChanges(scopes=("admin", "batch")), by=by), PermissionDenied)
    await keys.rotate(narrow.id, keep_seconds=0, by=by)
    await keys.update(strong.id, KeyChanges(disabled=True, name="off"), by=by)


async def test_what_a_key_made_ends_with_it(tenants: Tenants, admin: Account) -> None:
    maker, _ = await tenants.keys.create("maker", account_id=admin.id, by=OPERATOR)
    made, secret = await tenants.keys.create("made", account_id=admin.id, by=actor(maker.id))
    await tenants.callers.find(secret)
    await tenants.keys.update(maker.id, KeyChanges(disabled=True), by=OPERATOR)
    assert await opened(tenants, secret) is None
    await tenants.keys.update(maker.id, KeyChanges(disabled=False), by=OPERATOR)
    await tenants.callers.find(secret)
    await tenants.keys.revoke(maker.id, by=OPERATOR)
    assert await opened(tenants, secret) is None
    assert (await tenants.keys.get(made.id)).revoked_at is None


async def test_a_chain_has_an_end(tenants: Tenants, admin: Account) -> None:
    maker: str | None = None
    for _ in range(LONGEST_CHAIN):
        key, secret = await tenants.keys.create("k", account_id=admin.id, by=actor(maker))
        maker = key.id
    assert len((await tenants.callers.find(secret)).subjects) == LONGEST_CHAIN + 1
    with pytest.raises(InvalidRequest, match="deep"):
        await tenants.keys.create("k", account_id=admin.id, by=actor(maker))
