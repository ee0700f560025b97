"""The services of this room, put together over one database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from penstock.database.connection import Database
from penstock.tenants.accounts import Accounts
from penstock.tenants.audit import AuditLog
from penstock.tenants.callers import Callers
from penstock.tenants.console_callers import ConsoleCallers
from penstock.tenants.invitations import Invitations
from penstock.tenants.keys import Keys
from penstock.tenants.last_use import LastUse
from penstock.tenants.passwords import Passwords
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.plans import configured_plans
from penstock.tenants.request_history import RequestHistory
from penstock.tenants.sessions import Sessions
from penstock.tenants.setup import Setup
from penstock.tenants.timing_report import TimingReport
from penstock.tenants.usage_report import UsageReport


@dataclass(frozen=True)
class Tenants:
    """Accounts, keys and plans, who holds a key, what was done to any of them, and what they used."""

    accounts: Accounts
    keys: Keys
    callers: Callers
    console_callers: ConsoleCallers
    plans: PlanStore
    invitations: Invitations
    sessions: Sessions
    setup: Setup
    audit: AuditLog
    last_use: LastUse
    usage: UsageReport
    timing: TimingReport
    requests: RequestHistory

    @classmethod
    def of(
        cls,
        database: Database,
        pepper: bytes,
        *,
        own_plans: Mapping[str, dict[str, Any]],
        default_plan: str,
        last_use: LastUse | None = None,
    ) -> Self:
        """The plans are the settings `plans` and `default_plan`; `last_use` is where uses of keys are noted, where that
        is not the database. Raises OperatorError for a plan that is none."""
        plans = PlanStore(database, configured_plans(own_plans), default=default_plan)
        last_use, passwords = last_use or LastUse(database), Passwords()
        callers = Callers(database, pepper, plans, last_use)
        sessions = Sessions(database, pepper)

        def account_changed(account_id: str) -> None:
            callers.forget(account_id)
            sessions.forget(account_id)

        keys = Keys(database, pepper, plans, changed=callers.forget)
        return cls(
            Accounts(database, plans, passwords, changed=account_changed),
            keys,
            callers,
            ConsoleCallers(keys, callers),
            plans,
            Invitations(database, pepper, plans, passwords),
            sessions,
            Setup(database, passwords),
            AuditLog(database),
            last_use,
            UsageReport(database),
            TimingReport(database),
            RequestHistory(database),
        )
