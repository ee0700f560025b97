"""Where the owner gives out what there is once: limits, places at engines, and the ledger. Each API process is a guest.

What a guest holds ends with its connection: its places are free, and its reservations are given back, but for the
requests themselves, which did come.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakKeyDictionary, WeakValueDictionary

from penstock.api.gauges import Elsewhere
from penstock.catalogue.workers import Workers
from penstock.engines.engine import Endpoint
from penstock.errors import ModelLoading
from penstock.inference.meter import Entry, InFlight
from penstock.processes.guest import Guest, Once
from penstock.processes.messages import EngineTold, Models, ModelTold

_LOOK_SECONDS = 0.25
_WATCHED_SECONDS = 2.0
"""Guests are asked what is under way for so long after somebody wanted to know."""


class AllInFlight(InFlight):
    """The owner's requests, and those of its guests while somebody asks."""

    def __init__(self, hall: "Hall") -> None:
        super().__init__()
        self._hall = hall

    def entries(self) -> list[Entry]:
        """The owner's first."""
        return [*super().entries(), *self._hall.flights()]

    def get(self, request_id: str) -> Entry | None:
        own = super().get(request_id)
        return own or next((e for e in self._hall.flights() if e.asked.request_id == request_id), None)


class Hall:
    """Made before the services that it gives out, for some of them tell of guests, too."""

    def __init__(self, *, processes: int) -> None:
        """`processes`: how many guests there are when all have come."""
        self.in_flight = AllInFlight(self)
        self._processes = processes
        self._guests: set[Guest] = set()
        self._workers: Workers | None = None
        self._inside = 0
        self._numbers: WeakKeyDictionary[Endpoint, int] = WeakKeyDictionary()
        self._endpoints: WeakValueDictionary[int, Endpoint] = WeakValueDictionary()
        self._numbered = 0
        self._wanted_at = float("-inf")
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def open(self, path: Path, workers: Workers, once: Once, *, inside: int) -> AsyncIterator[None]:
        """Take guests at the Unix socket `path`; `inside` is the port of the listener for what they hand on."""
        self._workers, self._inside = workers, inside
        await asyncio.to_thread(path.unlink, missing_ok=True)  # of an owner that was killed
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Guest(once, self).frames, str(path))
        looking = asyncio.create_task(self._look(), name="look at guests")
        try:
            yield
        finally:
            looking.cancel()
            server.close()
            for guest in tuple(self._guests):
                guest.end()

    def tell_models(self) -> None:
        """A model is in another state."""
        if self._workers is not None:
            for guest in self._guests:
                guest.frames.tell(self.models())

    def cancel(self, request_id: str) -> bool:
        """Break off a request of a guest; False where none has told of it."""
        return any(guest.cancel(request_id) for guest in self._guests)

    def flights(self) -> list[Entry]:
        """What guests said is under way."""
        self._wanted_at = asyncio.get_running_loop().time()
        return [entry for guest in self._guests for entry in guest.flights]

    def said(self) -> Elsewhere:
        """What guests said of themselves."""
        said = [guest.now for guest in self._guests]
        return Elsewhere(
            sum(now.connections for now in said),
            sum(now.under_way for now in said),
            sum(now.waiting_rows for now in said),
            max((now.lag_seconds for now in said), default=0.0),
        )

    async def full(self) -> None:
        """Wait until all guests have come and listen."""
        while sum(guest.ready for guest in self._guests) < self._processes:
            self._changed.clear()
            await self._changed.wait()

    async def empty(self) -> None:
        """Wait until all have gone."""
        while self._guests:
            self._changed.clear()
            await self._changed.wait()

    # What guests call

    def came(self, guest: Guest) -> None:
        """A guest has said who it is, or that it listens now."""
        self._guests.add(guest)
        self._changed.set()

    def went(self, guest: Guest) -> None:
        """Its connection has ended."""
        self._guests.discard(guest)
        self._changed.set()

    def models(self) -> Models:
        """What guests have to know of all models."""
        assert self._workers is not None
        return Models(
            [
                ModelTold(worker.model.id, worker.state.value, worker.price, self._engine(worker.endpoint))
                for worker in self._workers.all()
            ],
            self._inside,
        )

    def _engine(self, endpoint: Endpoint | None) -> EngineTold | None:
        if endpoint is None:
            return None
        number = self._numbers.get(endpoint)
        if number is None:
            self._numbered = number = self._numbered + 1
            self._numbers[endpoint], self._endpoints[number] = number, endpoint
        return EngineTold(
            number,
            endpoint.url,
            endpoint.api_key,
            endpoint.slots,
            endpoint.context_length,
            endpoint.max_output,
            endpoint.abilities,
        )

    def endpoint(self, number: int) -> Endpoint:
        """An engine by its number. Raises ModelLoading where it is gone."""
        endpoint = self._endpoints.get(number)
        if endpoint is None:
            raise ModelLoading("The model was started anew while this request waited.", retry_after=1)
        return endpoint

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if loop.time() - self._wanted_at < _WATCHED_SECONDS:
                for guest in self._guests:
                    guest.look()
            else:
                for guest in self._guests:
                    guest.flights = []
