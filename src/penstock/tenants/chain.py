"""A key, the key that made it, the one that made that, and so on; each with its account."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.tables import accounts, api_keys, usage_daily
from penstock.tenants.caller import Subject
from penstock.tenants.key import SHOWN, Key
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.plans import Limits, NamedPlan
from penstock.tenants.rights import Rights, meet, rights_of_account, rights_of_key

LONGEST_CHAIN = 8
"""Keys in a chain; the last of them makes no more."""

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Link:
    """One key of a chain, what its account is now, and that account's plan."""

    key: Key
    role: str
    disabled_at: float | None
    plan: NamedPlan

    @property
    def rights(self) -> Rights:
        return rights_of_account(self.role, self.plan.plan).meet(rights_of_key(self.key))

    def is_good(self, now: float) -> bool:
        return self.disabled_at is None and self.key.state(now) == "active"


async def read_chain(connection: AsyncConnection, condition: ColumnElement[bool], plans: PlanStore) -> tuple[Link, ...]:
    """The key that the condition on `api_keys` is true of, and its makers; empty where there is none."""
    chain = select(*SHOWN, literal(0).label("depth")).where(condition).cte("chain", recursive=True)
    makers = select(*SHOWN, chain.c.depth + 1).where(
        api_keys.c.id == chain.c.maker_key_id, chain.c.depth < LONGEST_CHAIN
    )
    chain = chain.union_all(makers)
    columns = [chain.c[column.name] for column in SHOWN]
    query = select(*columns, accounts.c.role, accounts.c.disabled_at, accounts.c.plan)
    query = query.join_from(chain, accounts, accounts.c.id == chain.c.account_id).order_by(chain.c.depth)
    rows = list(await connection.execute(query))
    plan_of = await plans.of(connection, {row[-1] for row in rows}) if rows else {}
    return tuple(Link(Key.of(row[:-3]), row[-3], row[-2], plan_of[row[-1]]) for row in rows)


def is_good(chain: Sequence[Link], now: float) -> bool:
    """Whether the chain opens anything: it is whole, and each key in it and each account is."""
    return bool(chain) and chain[-1].key.maker_key_id is None and all(link.is_good(now) for link in chain)


def rights_of(chain: Sequence[Link]) -> Rights:
    """What the first key of a chain may do: what all of it allow."""
    return meet(link.rights for link in chain)


async def subjects_of(connection: AsyncConnection, chain: Sequence[Link], now: float) -> tuple[Subject, ...]:
    """Everybody whose limits hold for the first key of a chain, with what was spent this month of a budget."""
    limits: dict[str, Limits] = {link.key.account_id: link.plan.plan for link in chain}
    limits |= {link.key.id: link.key.limits for link in chain}
    found = []
    for subject, own in limits.items():
        spent = 0
        if own.monthly_budget is not None:
            spent = await _spent(connection, subject, now)
        found.append(Subject(subject, own, spent))
    return tuple(found)


async def _spent(connection: AsyncConnection, subject: str, now: float) -> int:
    """In picos, since the month began in UTC: by an account, or by a key and all keys that came of it."""
    query = select(func.coalesce(func.sum(usage_daily.c.cost), 0)).where(usage_daily.c.start >= month_start(now))
    if subject.startswith("key_"):
        family = select(api_keys.c.id).where(api_keys.c.id == subject).cte("family", recursive=True)
        family = family.union(select(api_keys.c.id).where(api_keys.c.maker_key_id == family.c.id))
        query = query.where(usage_daily.c.key_id.in_(select(family.c.id)))
    else:
        query = query.where(usage_daily.c.account_id == subject)
    return int((await connection.execute(query)).scalar_one())


def month_start(now: float) -> int:
    """When the month of `now` began in UTC; both in seconds since 1970."""
    day = time.gmtime(now).tm_mday
    return int(now) // _DAY_SECONDS * _DAY_SECONDS - (day - 1) * _DAY_SECONDS
