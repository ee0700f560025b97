"""The audit log: who did what to what, one row for each administrative act, which nobody changes or deletes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import audit
from penstock.tenants.names import new_id
from penstock.tenants.paging import PAGE, Page, read_page


@dataclass(frozen=True)
class Actor:
    """Who does an administrative act. `label` is for people: an e-mail, or where the operator sat."""

    label: str
    account_id: str | None = None
    key_id: str | None = None
    """The API key that it is done with; what it makes or changes can then never do more than this key."""
    request_id: str | None = None

    @classmethod
    def operator(cls) -> Self:
        """Whoever types commands on the server's own machine."""
        return cls("operator at the command line")


@dataclass(frozen=True)
class Act:
    """One row. `at` is in seconds since 1970; `details` has the values before and after, and never a secret."""

    id: str
    at: float
    actor: str
    account_id: str | None
    key_id: str | None
    action: str
    target: str
    details: dict[str, Any]
    request_id: str | None


_SHOWN = [audit.c[field.name] for field in fields(Act)]


async def append(
    connection: AsyncConnection, actor: Actor, action: str, target: str, details: Mapping[str, Any]
) -> None:
    """Write one row in the transaction of the act itself, so that neither is kept without the other."""
    row = Act(
        new_id("audit"),
        time.time(),
        actor.label,
        actor.account_id,
        actor.key_id,
        action,
        target,
        dict(details),
        actor.request_id,
    )
    await connection.execute(audit.insert().values(row.__dict__))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`{"role": {"from": "user", "to": "admin"}}`, for what `after` has otherwise than `before`."""
    return {name: {"from": before.get(name), "to": value} for name, value in after.items() if before.get(name) != value}


class AuditLog:
    """Reads what was done, and is told of acts that change no row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, actor: Actor, action: str, target: str) -> None:
        """Write that `actor` does this now."""
        async with self._database.write() as connection:
            await append(connection, actor, action, target, {})

    async def rows(
        self,
        *,
        after: str | None = None,
        limit: int = PAGE,
        action: str | None = None,
        account_id: str | None = None,
        target: str | None = None,
        since: float | None = None,
        until: float | None = None,
        actor: str = "",
        ascending: bool = False,
    ) -> Page[Act]:
        """The newest acts first, as a rule; `account_id` is that of who acted, `actor` part of what they were called.

        `action` may end before a dot: `key` is all of `key.create`, `key.revoke` and so on. `since` is in it, `until`
        is not. Raises InvalidRequest for an unknown cursor.
        """
        conditions: list[ColumnElement[bool]] = []
        if action is not None:
            conditions.append((audit.c.action == action) | audit.c.action.startswith(f"{action}.", autoescape=True))
        if account_id is not None:
            conditions.append(audit.c.account_id == account_id)
        if target is not None:
            conditions.append(audit.c.target == target)
        if since is not None:
            conditions.append(audit.c.at >= since)
        if until is not None:
            conditions.append(audit.c.at < until)
        if actor:
            conditions.append(func.lower(audit.c.actor).contains(actor.lower(), autoescape=True))
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*_SHOWN),
                audit,
                *conditions,
                after=after,
                limit=limit,
                by=audit.c.at,
                oldest_first=ascending,
            )
        return Page([Act(*row) for row in page.rows], page.has_more)
