"""How a list of accounts is ordered and narrowed, and when each account last gave a sign of life."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.tables import accounts, api_keys, sessions

AccountSort = Literal["created_at", "name", "email", "last_active_at"]


@dataclass(frozen=True, kw_only=True)
class AccountFilter:
    """Which accounts; what is None or empty leaves none out."""

    search: str = ""
    """Part of an e-mail or of a name, or a whole id."""
    role: Literal["user", "admin"] | None = None
    plan: str | None = None
    state: Literal["active", "disabled"] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds for each of them."""
        found: list[ColumnElement[bool]] = []
        if self.search:
            texts = (func.lower(accounts.c.email), func.lower(accounts.c.name))
            by_email, by_name = (text.contains(self.search.lower(), autoescape=True) for text in texts)
            found.append(by_email | by_name | (accounts.c.id == self.search))
        if self.role is not None:
            found.append(accounts.c.role == self.role)
        if self.plan is not None:
            found.append(accounts.c.plan == self.plan)
        if self.state is not None:
            disabled = accounts.c.disabled_at
            found.append(disabled.is_(None) if self.state == "active" else disabled.is_not(None))
        return found


def _last_active() -> ColumnElement[Any]:
    """Of each account: when a session or a key of it was used last; 0 where nothing is known of either."""
    of_session = select(func.max(sessions.c.last_seen_at)).where(sessions.c.account_id == accounts.c.id)
    of_key = select(func.max(api_keys.c.last_used_at)).where(api_keys.c.account_id == accounts.c.id)
    seen, used = (func.coalesce(one.correlate(accounts).scalar_subquery(), 0.0) for one in (of_session, of_key))
    return case((seen > used, seen), else_=used)


ORDERS: dict[AccountSort, ColumnElement[Any]] = {
    "created_at": accounts.c.created_at,
    "name": func.lower(accounts.c.name),
    "email": func.coalesce(accounts.c.email, ""),
    "last_active_at": _last_active(),
}


async def last_active(connection: AsyncConnection, account_ids: list[str]) -> dict[str, float]:
    """Id -> seconds since 1970, for those that gave a sign of life.

    A session that has ended is not known any more, so this can go back to the last use of a key.
    """
    query = select(accounts.c.id, ORDERS["last_active_at"]).where(accounts.c.id.in_(account_ids))
    return {row[0]: row[1] for row in await connection.execute(query) if row[1]}
