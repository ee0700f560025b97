"""The services of the tenants room over a database of the test's own."""

from typing import Any

from penstock.database.connection import Database
from penstock.tenants.audit import Actor
from penstock.tenants.callers import Callers
from penstock.tenants.tenants import Tenants

PEPPER = b"p" * 32
OPERATOR = Actor.operator()


class Clock:
    """A monotonic clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def tenants_of(
    database: Database, *, pepper: bytes = PEPPER, own_plans: dict[str, dict[str, Any]] | None = None
) -> Tenants:
    """As another process would have them: nothing is shared but the database."""
    return Tenants.of(database, pepper, own_plans=own_plans or {}, default_plan="free")


def callers_of(database: Database, *, monotonic: Clock, pepper: bytes = PEPPER, cache_entries: int = 10_000) -> Callers:
    """The callers of a process whose clock a test sets."""
    tenants = tenants_of(database, pepper=pepper)
    return Callers(database, pepper, tenants.plans, tenants.last_use, monotonic=monotonic, cache_entries=cache_entries)
