"""/api/live: what models and requests are doing now, as a stream of events; and how to break a request off."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from fastapi import Response
from fastapi.responses import StreamingResponse
from msgspec import Struct

from penstock.console.watch import TICK_SECONDS, LiveShown, Lookout
from penstock.errors import NotFound, Unavailable
from penstock.inference.meter import InFlight
from penstock.protocol.sse import PING
from penstock.tenants.accounts import Account
from penstock.tenants.audit import AuditLog
from penstock.tenants.sessions import Sessions
from penstock.web.access import SIGNED_IN
from penstock.web.routing import NO_STORE, Asked, Routing, route
from penstock.web.shown import Deleted

_PING_SECONDS = 10.0
_LOOK_SECONDS = 1.0
"""How often somebody for whom there is nothing new is looked at: the session may have ended."""


WATCH = route(
    "GET",
    "/api/live",
    "watch",
    "Watch models and requests",
    answer=str,
    media_type="text/event-stream",
    event=LiveShown,
    done=False,
    access=SIGNED_IN,
)
CANCEL = route(
    "POST",
    "/api/requests/{id}/cancel",
    "cancelRequest",
    "Break off one of one's requests; an administrator any",
    answer=Deleted,
    access=SIGNED_IN,
    parameters={"id": "The request's id."},
    errors=(NotFound,),
)


class Live:
    """The routes."""

    operations = (WATCH, CANCEL)

    def __init__(
        self,
        lookout: Lookout,
        in_flight: InFlight,
        sessions: Sessions,
        audit: AuditLog,
        *,
        cancel: Callable[[str], bool],
        ending: Callable[[], bool],
    ) -> None:
        """`cancel` breaks off a request by its id, and says whether there was one; `ending`: the server shuts down."""
        self._lookout = lookout
        self._in_flight = in_flight
        self._sessions = sessions
        self._audit = audit
        self._cancel = cancel
        self._ending = ending

    def add_to(self, routing: Routing) -> None:
        routing.add(WATCH, self.watch)
        routing.add(CANCEL, self.cancel)

    async def watch(self, asked: Asked) -> Response:
        headers = {**NO_STORE, "x-accel-buffering": "no"}
        if asked.scope["method"] == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        return StreamingResponse(self._events(asked), headers=headers, media_type="text/event-stream")

    async def cancel(self, asked: Asked) -> Struct:
        entry = self._in_flight.get(asked.named("id"))
        account = _account_of(asked)
        own = entry is not None and entry.caller.account_id == account.id
        theirs = own or account.role == "admin"
        if entry is None or not theirs or entry.asked.batch or not self._cancel(entry.asked.request_id):
            raise NotFound("No such request is under way.")
        if not own:
            await self._audit.add(asked.visitor.actor, "request.cancel", entry.asked.request_id)
        return Deleted(id=entry.asked.request_id, object="request")

    async def _events(self, asked: Asked) -> AsyncIterator[bytes]:
        """Until the server shuts down, or the session ends or may see other things; that is looked at every second."""
        account, token = _account_of(asked), asked.visitor.token
        sent, sent_at = b"", 0.0
        async with self._lookout.watching(None if account.role == "admin" else account.id) as view:
            while not self._ending() and await self._still(account, token):
                if view.data != sent:
                    sent, sent_at = view.data, time.monotonic()
                    yield b"data: %b\n\n" % sent
                    await asyncio.sleep(TICK_SECONDS)  # who reads slowly gets the newest one next, and not all between
                elif time.monotonic() - sent_at >= _PING_SECONDS:
                    sent_at = time.monotonic()
                    yield PING
                else:
                    await view.wait(seconds=_LOOK_SECONDS)

    async def _still(self, account: Account, token: str) -> bool:
        try:
            found = await self._sessions.find(token)
        except Unavailable:
            return True  # nobody is signed out because the database is slow
        return found is not None and found.account.role == account.role


def _account_of(asked: Asked) -> Account:
    signed_in = asked.visitor.signed_in
    assert signed_in is not None, "the routes are for sessions"
    return signed_in.account
