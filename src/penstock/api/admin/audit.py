"""/api/admin/audit."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Response
from fastapi.responses import StreamingResponse
from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol.validation import NO_NUL
from penstock.tenants.audit import Act, AuditLog
from penstock.tenants.paging import LONGEST_PAGE, Page
from penstock.web import csv_lines
from penstock.web.access import ADMIN
from penstock.web.lists import ActList, PageQuery, list_of, order_of
from penstock.web.routing import NO_STORE, Asked, Routing, route
from penstock.web.shown import ActShown
from penstock.web.wanted import Id, Moment

_COLUMNS = ("time", "action", "target", "actor", "account_id", "key_id", "request_id", "details", "id")


class AuditQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which acts."""

    action: Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL)] | None = None
    """`key.create`, or `key` for all that was done to keys."""
    account_id: Id | None = None
    """Of who acted."""
    actor: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] = ""
    """Part of what who acted is called: an e-mail, or a key's name."""
    target: Id | None = None
    """The id of what was acted on."""
    since: Moment | None = None
    until: Moment | None = None
    """What was done in this second is not in the list."""
    sort: Literal["at", "-at"] = "-at"
    """`at`: the oldest first."""
    format: Literal["json", "csv"] = "json"
    """As CSV the list comes whole, without `after` and whatever `limit` says."""


LIST = route(
    "GET",
    "/api/admin/audit",
    "listActs",
    "Read the audit log",
    query=AuditQuery,
    answer=ActList,
    access=ADMIN,
    media=("text/csv",),
)


class AdminAudit:
    """The route."""

    operations = (LIST,)

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)

    async def list(self, asked: Asked) -> Struct | Response:
        wanted = asked.query(AuditQuery)
        if wanted.format == "csv":
            return await self._csv(wanted)
        page = await self._page(wanted, after=wanted.after, limit=wanted.limit)
        return list_of(ActList, [ActShown.of(act) for act in page.rows], has_more=page.has_more)

    async def _page(self, wanted: AuditQuery, *, after: str | None, limit: int) -> Page[Act]:
        _, ascending = order_of(wanted.sort)
        return await self._audit.rows(
            after=after,
            limit=limit,
            action=wanted.action,
            account_id=wanted.account_id,
            actor=wanted.actor,
            target=wanted.target,
            since=wanted.since,
            until=wanted.until,
            ascending=ascending,
        )

    async def _csv(self, wanted: AuditQuery) -> Response:
        if wanted.after is not None:
            raise InvalidRequest("CSV is given whole: leave after out.", param="after")
        first = await self._page(wanted, after=None, limit=LONGEST_PAGE)  # so that an error has a status

        async def lines() -> AsyncIterator[str]:
            page = first
            yield csv_lines.lines([_COLUMNS]) + csv_lines.lines(map(_cells, page.rows))
            while page.has_more:
                page = await self._page(wanted, after=page.rows[-1].id, limit=LONGEST_PAGE)
                yield csv_lines.lines(map(_cells, page.rows))

        headers = {**NO_STORE, "content-disposition": 'attachment; filename="audit.csv"'}
        return StreamingResponse(lines(), headers=headers, media_type="text/csv")


def _cells(act: Act) -> tuple[str | None, ...]:
    moment = datetime.fromtimestamp(act.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    details = json.dumps(act.details, ensure_ascii=False)
    return moment, act.action, act.target, act.actor, act.account_id, act.key_id, act.request_id, details, act.id
