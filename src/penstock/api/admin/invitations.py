"""/api/admin/invitations."""

import time
from typing import Literal

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.invitations import Invitations, InvitationState
from penstock.web.access import ADMIN
from penstock.web.lists import InvitationList, PageQuery, list_of, order_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, InvitationShown
from penstock.web.wanted import NewInvitation

_PATH = "/api/admin/invitations"


class InvitationsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which invitations."""

    state: InvitationState | None = None
    sort: Literal["created_at", "-created_at", "expires_at", "-expires_at"] = "-created_at"
    """What the list is sorted by; with `-` the largest comes first."""


LIST = route(
    "GET",
    _PATH,
    "listInvitations",
    "List invitations",
    query=InvitationsQuery,
    answer=InvitationList,
    access=ADMIN,
)
CREATE = route(
    "POST",
    _PATH,
    "createInvitation",
    "Make an invitation; what opens it is in this answer alone",
    request=NewInvitation,
    answer=InvitationShown,
    access=ADMIN,
    errors=(NotFound,),
)
REVOKE = route(
    "DELETE",
    f"{_PATH}/{{id}}",
    "revokeInvitation",
    "Take an invitation back",
    answer=Deleted,
    access=ADMIN,
    parameters={"id": "The invitation's id."},
    errors=(NotFound,),
)


class AdminInvitations:
    """The routes."""

    operations = (LIST, CREATE, REVOKE)

    def __init__(self, invitations: Invitations) -> None:
        self._invitations = invitations

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        routing.add(REVOKE, self.revoke)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(InvitationsQuery)
        sort, ascending = order_of(wanted.sort)
        page = await self._invitations.page(
            after=wanted.after, limit=wanted.limit, state=wanted.state, sort=sort, ascending=ascending
        )
        shown = [InvitationShown.of(one, now=time.time()) for one in page.rows]
        return list_of(InvitationList, shown, has_more=page.has_more)

    async def create(self, asked: Asked) -> Struct:
        wanted = await asked.body(NewInvitation)
        if wanted.role == "admin":
            asked.visitor.in_person()
        made, token = await self._invitations.create(
            by=asked.visitor.actor,
            email=wanted.email,
            role=wanted.role,
            plan=wanted.plan,
            life_seconds=wanted.expires_in,
        )
        return InvitationShown.of(made, now=time.time(), token=token)

    async def revoke(self, asked: Asked) -> Struct:
        ended = await self._invitations.revoke(asked.named("id"), by=asked.visitor.actor)
        return Deleted(id=ended.id, object="invitation")
