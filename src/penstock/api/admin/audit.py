"""/api/admin/audit."""

from typing import Annotated

from msgspec import Meta, Struct

from penstock.protocol.validation import NO_NUL
from penstock.tenants.audit import AuditLog
from penstock.web.access import ADMIN
from penstock.web.lists import ActList, PageQuery, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import ActShown
from penstock.web.wanted import Id, Moment


class AuditQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which acts."""

    action: Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL)] | None = None
    """`key.create`, or `key` for all that was done to keys."""
    account_id: Id | None = None
    """Of who acted."""
    target: Id | None = None
    """The id of what was acted on."""
    since: Moment | None = None


LIST = route(
    "GET", "/api/admin/audit", "listActs", "Read the audit log", query=AuditQuery, answer=ActList, access=ADMIN
)


class AdminAudit:
    """The route."""

    operations = (LIST,)

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(AuditQuery)
        page = await self._audit.rows(
            after=wanted.after,
            limit=wanted.limit,
            action=wanted.action,
            account_id=wanted.account_id,
            target=wanted.target,
            since=wanted.since,
        )
        return list_of(ActList, [ActShown.of(act) for act in page.rows], has_more=page.has_more)
