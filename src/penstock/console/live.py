"""/api/live: what models and requests are doing now, as a stream of events; and how to break a request off."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Literal

from fastapi import Response
from fastapi.responses import StreamingResponse
from msgspec import Struct

from penstock.catalogue.workers import Worker, Workers
from penstock.errors import NotFound
from penstock.inference.admission import Admission, Load
from penstock.inference.meter import Entry, InFlight
from penstock.protocol.answer import encode
from penstock.protocol.sse import PING
from penstock.tenants.caller import Caller
from penstock.tenants.sessions import Sessions
from penstock.web.access import ACTING, SIGNED_IN
from penstock.web.routing import NO_STORE, Asked, Routing, route
from penstock.web.shown import Deleted

TICK_SECONDS = 0.25
"""Between two events, at least."""
MOST_SHOWN = 200
"""Requests of one event; the others are counted."""
_PING_TICKS = 40
_SESSION_TICKS = 20


class RequestLive(Struct, kw_only=True):
    """One request that waits or runs."""

    id: str
    account_id: str
    key: str
    """Its key's name."""
    model: str
    stage: Literal["queued", "prefill", "decoding"]
    batch: bool
    """Whether it is a line of a batch, which is cancelled with its batch alone."""
    started_at: float
    """In seconds since 1970."""
    output_tokens: int
    tokens_per_second: float | None
    """From its first token on."""


class ModelLive(Struct, kw_only=True):
    """One model; the list of models has the rest."""

    id: str
    state: Literal["pulling", "loading", "ready", "failed", "stopped"]
    slots: int
    busy: int
    waiting: int


class LiveShown(Struct, kw_only=True):
    """Everything, whenever any of it has changed, and at most four times a second."""

    object: Literal["live"] = "live"
    models: list[ModelLive]
    requests: list[RequestLive]
    """The oldest first: one's own; an administrator's are those of all accounts."""
    more: int
    """How many there are beside these."""


WATCH = route(
    "GET",
    "/api/live",
    "watch",
    "Watch models and requests",
    answer=str,
    media_type="text/event-stream",
    event=LiveShown,
    done=False,
    access=ACTING,
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
        workers: Workers,
        admission: Admission,
        in_flight: InFlight,
        sessions: Sessions,
        *,
        cancel: Callable[[str], bool],
        ending: Callable[[], bool],
    ) -> None:
        """`cancel` breaks off a request by its id, and says whether there was one; `ending`: the server shuts down."""
        self._workers = workers
        self._admission = admission
        self._in_flight = in_flight
        self._sessions = sessions
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
        signed_in = asked.visitor.signed_in
        assert signed_in is not None, "the route is for sessions"
        account = signed_in.account
        theirs = entry is not None and (account.role == "admin" or entry.caller.account_id == account.id)
        if entry is None or not theirs or entry.asked.batch or not self._cancel(entry.asked.request_id):
            raise NotFound("No such request is under way.")
        return Deleted(id=entry.asked.request_id, object="request")

    async def _events(self, asked: Asked) -> AsyncIterator[bytes]:
        """Until the server shuts down or the session ends, which is looked at every few seconds."""
        last, quiet, tick = b"", 0, 0
        caller, token = asked.caller, asked.visitor.token
        while not self._ending():
            tick += 1
            if tick % _SESSION_TICKS == 0 and await self._sessions.find(token) is None:
                return
            now = encode(self._shown(caller))
            quiet = 0 if now != last else quiet + 1
            if now != last:
                last = now
                yield b"data: %b\n\n" % now
            elif quiet % _PING_TICKS == 0:
                yield PING
            await asyncio.sleep(TICK_SECONDS)

    def _shown(self, caller: Caller) -> LiveShown:
        everybody = caller.role == "admin"
        entries = [one for one in self._in_flight.entries() if everybody or one.caller.account_id == caller.account_id]
        return LiveShown(
            models=[self._model(worker) for worker in self._workers.all() if caller.may_use(worker.model.id)],
            requests=[_shown(entry) for entry in entries[:MOST_SHOWN]],
            more=max(0, len(entries) - MOST_SHOWN),
        )

    def _model(self, worker: Worker) -> ModelLive:
        load = Load() if worker.endpoint is None else self._admission.load(worker.endpoint)
        return ModelLive(
            id=worker.model.id, state=worker.state.value, slots=load.slots, busy=load.busy, waiting=sum(load.waiting)
        )


def _shown(entry: Entry) -> RequestLive:
    tokens, rate = entry.counts.usage().completion_tokens, None
    if entry.first_token is not None and tokens > 1:
        rate = round((tokens - 1) / max(1e-3, time.monotonic() - entry.first_token), 1)
    return RequestLive(
        id=entry.asked.request_id,
        account_id=entry.caller.account_id,
        key=entry.caller.key_name,
        model=entry.asked.model,
        stage=entry.stage,
        batch=entry.asked.batch,
        started_at=round(entry.created, 3),
        output_tokens=tokens,
        tokens_per_second=rate,
    )
