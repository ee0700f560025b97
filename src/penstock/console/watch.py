"""One look at models and requests, four times a second, for all who watch: a hundred tabs cost what one does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from penstock.catalogue.workers import Worker, Workers
from penstock.inference.admission import Admission, Load
from penstock.inference.meter import Entry, InFlight, between
from penstock.protocol.answer import encode
from penstock.tenants.speed import tokens_per_second

TICK_SECONDS = 0.25
"""Between two looks."""
MOST_SHOWN = 200
"""Requests of one event; the others are counted."""


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
    """From its first token to its last one so far; null while that is too little to tell."""


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
    """Lines of batches last, else the oldest first: one's own; an administrator's are those of all accounts."""
    more: int
    """How many there are beside these."""


@dataclass(eq=False)
class View:
    """What those who watch one account see; as bytes, for all of them get the same."""

    data: bytes
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, *, seconds: float) -> None:
        """Until there is something new, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()

    def show(self, data: bytes) -> None:
        if data != self.data:
            self.data = data
            self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Lookout:
    """Looks as long as somebody watches."""

    def __init__(
        self, workers: Workers, admission: Admission, in_flight: InFlight, *, ending: Callable[[], bool]
    ) -> None:
        """`ending`: whether the server shuts down, which everybody who waits is woken for."""
        self._workers = workers
        self._admission = admission
        self._in_flight = in_flight
        self._ending = ending
        self._views: dict[str | None, View] = {}
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, account_id: str | None) -> AsyncIterator[View]:
        """What there is of an account, or of all where it is None, kept up to date while the block is entered."""
        view = self._views.get(account_id)
        if view is None:
            view = self._views[account_id] = View(self._look(account_id))
        view.watchers += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again(), name="lookout of the console")
        try:
            yield view
        finally:
            view.watchers -= 1
            if view.watchers == 0:
                del self._views[account_id]
            if not self._views and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            over = self._ending()
            for account_id, view in self._views.items():
                view.show(self._look(account_id))
                if over:
                    view.wake()

    def _look(self, account_id: str | None) -> bytes:
        all_ = self._in_flight.entries()
        entries = [entry for entry in all_ if account_id is None or entry.caller.account_id == account_id]
        entries.sort(key=lambda entry: entry.asked.batch)  # somebody waits for the others
        shown = LiveShown(
            models=[self._model(worker) for worker in self._workers.all()],
            requests=[_request(entry) for entry in entries[:MOST_SHOWN]],
            more=max(0, len(entries) - MOST_SHOWN),
        )
        return encode(shown)

    def _model(self, worker: Worker) -> ModelLive:
        load = Load() if worker.endpoint is None else self._admission.load(worker.endpoint)
        return ModelLive(
            id=worker.model.id, state=worker.state.value, slots=load.slots, busy=load.busy, waiting=sum(load.waiting)
        )


def _request(entry: Entry) -> RequestLive:
    tokens = entry.counts.usage().completion_tokens
    rate = tokens_per_second(tokens, between(entry.first_token, entry.last_token))
    return RequestLive(
        id=entry.asked.request_id,
        account_id=entry.caller.account_id,
        key=entry.caller.key_name,
        model=entry.asked.model,
        stage=entry.stage,
        batch=entry.asked.batch,
        started_at=round(entry.created, 3),
        output_tokens=tokens,
        tokens_per_second=None if rate is None else round(rate, 1),
    )
