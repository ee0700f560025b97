"""Plans: those of the package, changed by the settings, changed by an administrator."""

import logging

import pytest
from tenancy import OPERATOR, tenants_of

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import InvalidRequest, NotFound, OperatorError
from penstock.tenants.accounts import Account, AccountChanges
from penstock.tenants.tenants import Tenants

OWN = {"free": {"concurrency": 5, "context": 1000}, "gold": {"requests_per_minute": 9}}


async def test_each_layer_changes_the_one_before(database: Database) -> None:
    plans = tenants_of(database, own_plans=OWN).plans
    await plans.set("free", {"concurrency": 7, "max_output": None}, by=OPERATOR)
    found = {named.name: named for named in await plans.list()}
    free = found["free"]
    assert (free.plan.requests_per_minute, free.plan.context, free.plan.concurrency) == (1, 1000, 7)
    assert free.plan.max_output is None
    assert [found[name].origin for name in ("free", "gold", "core")] == ["changed", "penstock.toml", "shipped"]
    restored = await plans.reset("free", by=OPERATOR)
    assert restored is not None
    assert (restored.plan.concurrency, restored.origin) == (5, "penstock.toml")


async def test_changes_add_up(tenants: Tenants) -> None:
    await tenants.plans.set("free", {"concurrency": 7}, by=OPERATOR)
    await tenants.plans.set("free", {"priority": "high"}, by=OPERATOR)
    plan = (await tenants.plans.get("free")).plan
    assert (plan.concurrency, plan.priority) == (7, "high")


async def test_a_plan_that_is_not_there_is_refused_everywhere(tenants: Tenants, account: Account) -> None:
    for ask in (
        tenants.plans.get("gold"),
        tenants.plans.set("gold", {}, by=OPERATOR),
        tenants.plans.reset("gold", by=OPERATOR),
        tenants.accounts.create("a@example.org", plan="gold", by=OPERATOR),
        tenants.accounts.update(account.id, AccountChanges(plan="gold"), by=OPERATOR),
        tenants.invitations.create(plan="gold", by=OPERATOR),
    ):
        with pytest.raises(NotFound, match="The plans are: core") as refused:
            await ask
        assert refused.value.param == "plan"


@pytest.mark.parametrize(
    ("changes", "param"),
    [({"concurrency": -1}, "concurrency"), ({"context": 0}, "context"), ({"models": {"m": {"context": "1"}}}, None)],
)
async def test_what_is_no_plan_changes_nothing(tenants: Tenants, changes: dict[str, object], param: str) -> None:
    before = await tenants.plans.list()
    with pytest.raises(InvalidRequest) as refused:
        await tenants.plans.set("free", changes, by=OPERATOR)
    assert param is None or refused.value.param == param
    assert await tenants.plans.list() == before


async def test_a_new_plan_is_made_once_and_kept_while_it_is_used(tenants: Tenants) -> None:
    await tenants.plans.set("gold", {"concurrency": 1}, new=True, by=OPERATOR)
    with pytest.raises(InvalidRequest):
        await tenants.plans.set("gold", {}, new=True, by=OPERATOR)
    for name in ("", "Gold", "a b", "x" * 41, "'; --"):
        with pytest.raises(InvalidRequest):
            await tenants.plans.set(name, {}, new=True, by=OPERATOR)
    ann = await tenants.accounts.create("a@example.org", plan="gold", by=OPERATOR)
    with pytest.raises(InvalidRequest, match="1 account"):
        await tenants.plans.reset("gold", by=OPERATOR)
    await tenants.accounts.update(ann.id, AccountChanges(plan="free"), by=OPERATOR)
    assert await tenants.plans.reset("gold", by=OPERATOR) is None


async def test_without_its_plan_an_account_is_on_the_default_one(
    database: Database, tenants: Tenants, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await tenants.accounts.create("a@example.org", by=OPERATOR)
    async with database.write() as connection:
        await connection.execute(accounts.update().where(accounts.c.id == ann.id).values(plan="bygone"))
    with caplog.at_level(logging.WARNING):
        _, secret = await tenants.keys.create("k", account_id=ann.id, by=OPERATOR)
        caller = await tenants.callers.find(secret)
    assert (caller.plan_name, caller.plan.requests_per_minute) == ("free", 1)
    assert caplog.text.count("the plan bygone is gone") == 1


async def test_the_default_plan_must_be_there(database: Database) -> None:
    tenants = Tenants.of(database, b"p" * 32, own_plans={}, default_plan="gold")
    with pytest.raises(OperatorError, match="default_plan"):
        await tenants.plans.check_default()
    with pytest.raises(OperatorError, match="silver"):
        Tenants.of(database, b"p" * 32, own_plans={"silver": {"speed": 1}}, default_plan="free")
