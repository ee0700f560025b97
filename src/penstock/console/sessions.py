"""/api/sessions: where an account is signed in."""

from msgspec import Struct

from penstock.errors import NotFound
from penstock.tenants.sessions import Sessions
from penstock.web.access import SIGNED_IN
from penstock.web.lists import SessionList, list_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import Deleted, SessionShown

LIST = route("GET", "/api/sessions", "listSessions", "List one's sessions", answer=SessionList, access=SIGNED_IN)
END = route(
    "DELETE",
    "/api/sessions/{id}",
    "endSession",
    "End one of one's sessions",
    answer=Deleted,
    access=SIGNED_IN,
    parameters={"id": "The session's id."},
    errors=(NotFound,),
)
END_OTHERS = route(
    "DELETE",
    "/api/sessions",
    "endOtherSessions",
    "End all of one's sessions but this one",
    answer=SessionList,
    access=SIGNED_IN,
)


class OwnSessions:
    """The routes."""

    operations = (LIST, END, END_OTHERS)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(END, self.end)
        routing.add(END_OTHERS, self.end_others)

    async def list(self, asked: Asked) -> Struct:
        visitor = asked.visitor
        found = await self._sessions.of_account(visitor.account_id)
        return list_of(SessionList, [SessionShown.of(one, current=visitor.session_id) for one in found])

    async def end(self, asked: Asked) -> Struct:
        ended = await self._sessions.end(asked.named("id"), account_id=asked.visitor.account_id)
        return Deleted(id=ended.id, object="session")

    async def end_others(self, asked: Asked) -> Struct:
        """Answers with what is left."""
        await self._sessions.end_others(asked.visitor.session_id, account_id=asked.visitor.account_id)
        return await self.list(asked)
