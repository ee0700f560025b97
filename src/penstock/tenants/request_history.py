"""The requests that were made, one by one: the ledger's rows as people look them up. They are kept for `usage_days`."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select

from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys, usage
from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.paging import LONGEST_PAGE, PAGE, Page
from penstock.tenants.usage import CLIENT_LEFT, UsageRecord

Outcome = Literal["completed", "failed", "aborted"]
Sort = Literal["created_at", "total_ms", "ttft_ms", "completion_tokens", "cost"]
_SORTS: dict[Sort, ColumnElement[Any]] = {
    "created_at": usage.c.created_at,
    "total_ms": usage.c.total_ms,
    "ttft_ms": func.coalesce(usage.c.ttft_ms, -1.0),
    "completion_tokens": usage.c.completion_tokens,
    "cost": usage.c.cost,
}
UNFINISHED = usage.c.outcome != literal_column("'completed'")
"""Said in the very words of the index of these rows, which is taken for nothing else."""
_ID = re.compile(r"[0-9A-Za-z_-]{1,200}")
_AT_ONCE = 2
"""Statements at the same time: an order that no index has reads every row of its span."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which requests; what is None asks for nothing. Times are seconds since 1970."""

    account_id: str | None
    """The account that asks; None: all of them, which is for administrators."""
    id: str | None = None
    model: str | None = None
    key_id: str | None = None
    outcome: Outcome | None = None
    status: int | None = None
    error_code: str | None = None
    batch: bool | None = None
    batch_id: str | None = None
    since: float | None = None
    """Inclusive."""
    until: float | None = None
    """Exclusive."""


@dataclass(frozen=True)
class Made:
    """One request that is over, and what people call its key and its account."""

    row: UsageRecord
    key: str | None
    account: str | None


class RequestHistory:
    """Reads the history."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def get(self, request_id: str, *, account_id: str | None) -> Made:
        """One request; with an `account_id`, of this account. Raises NotFound."""
        found = []
        if _ID.fullmatch(request_id):
            query = select(usage).where(*_conditions(Wanted(account_id=account_id, id=request_id)))
            found = await self._made(query)
        if not found:
            raise NotFound("There is no such request. Rows of requests are kept for a while only.")
        return found[0]

    async def page(
        self,
        wanted: Wanted,
        *,
        after: str | None = None,
        limit: int = PAGE,
        sort: Sort = "created_at",
        ascending: bool = False,
    ) -> Page[Made]:
        """Up to `limit` requests after the one with the id `after`, the newest, or the most, first.

        A page begins behind a row and not at a number, so that nothing shifts while requests come in. Raises
        InvalidRequest for an `after` that is not among those that are wanted.
        """
        if not 1 <= limit <= LONGEST_PAGE:
            raise InvalidRequest(f"`limit` is a number from 1 to {LONGEST_PAGE}.", param="limit")
        at, by_id = _SORTS[sort], usage.c.request_id
        order = (at.asc(), by_id.asc()) if ascending else (at.desc(), by_id.desc())
        rows = select(usage).where(*_conditions(wanted))
        if after is not None:
            passed = await self._value(at, after, wanted)
            # The first condition is what an index goes to; the second one alone would be read through from the top.
            near, far = (at >= passed, at > passed) if ascending else (at <= passed, at < passed)
            rows = rows.where(near, or_(far, by_id > after if ascending else by_id < after))
        found = await self._made(rows.order_by(*order).limit(limit + 1))
        return Page(found[:limit], len(found) > limit)

    async def _value(self, of: ColumnElement[Any], request_id: str, wanted: Wanted) -> Any:
        """What a row is ordered by."""
        found = None
        if _ID.fullmatch(request_id):
            query = select(of).where(usage.c.request_id == request_id, *_conditions(wanted))
            async with self._database.read() as connection:
                found = (await connection.execute(query)).one_or_none()
        if found is None:
            raise InvalidRequest("`after` is the id of a request in this list.", param="after")
        return found[0]

    async def _made(self, query: Select[Any]) -> list[Made]:
        async with self._at_once, self._database.read() as connection:
            rows = [UsageRecord(**row) for row in (await connection.execute(query)).mappings()]
            keys = select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_({row.key_id for row in rows}))
            called = func.coalesce(accounts.c.email, accounts.c.name)
            people = select(accounts.c.id, called).where(accounts.c.id.in_({row.account_id for row in rows}))
            names: dict[str, str] = {}
            for named in (keys, people) if rows else ():
                names.update({row.id: row[1] for row in await connection.execute(named)})
        return [Made(row, names.get(row.key_id), names.get(row.account_id)) for row in rows]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    made = usage.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.account_id is not None:
        conditions.append(made.account_id == wanted.account_id)
    elif wanted.key_id is not None:  # the index of a key begins with its account
        of_key = select(api_keys.c.account_id).where(api_keys.c.id == wanted.key_id)
        conditions.append(made.account_id == of_key.scalar_subquery())
    for outcome in {wanted.outcome, _outcome_of(wanted)} - {None}:
        conditions.append(made.outcome == outcome)
        if outcome != "completed":
            conditions.append(UNFINISHED)
    if wanted.since is not None:
        conditions.append(made.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(made.created_at < wanted.until)
    for column, value in (
        (made.request_id, wanted.id),
        (made.model, wanted.model),
        (made.key_id, wanted.key_id),
        (made.status, wanted.status),
        (made.error_code, wanted.error_code),
        (made.batch, wanted.batch),
        (made.batch_id, wanted.batch_id),
    ):
        if value is not None:
            conditions.append(column == value)
    return conditions


def _outcome_of(wanted: Wanted) -> Outcome | None:
    """How whatever has this status or error ended: there is an index to find the few that did not end well."""
    if wanted.error_code is not None:
        return "failed"
    if wanted.status is None or wanted.status < 400:
        return None
    return "aborted" if wanted.status == CLIENT_LEFT else "failed"
