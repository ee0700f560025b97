"""One API process as the owner sees it: what it asks, and what it holds."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.engines.engine import Endpoint, Pulse
from penstock.errors import ApiError, DatabaseAway
from penstock.inference.admission import Admission, Place
from penstock.inference.meter import Entry
from penstock.inference.request_metrics import RequestMetrics
from penstock.inference.ticket import Ticket, Tier
from penstock.processes import messages as say
from penstock.processes.frames import Frames
from penstock.processes.refusals import refused
from penstock.processes.told_entry import ToldEntry
from penstock.tenants.caller import Caller
from penstock.tenants.last_use import LastUse
from penstock.tenants.ledger import Ledger
from penstock.tenants.limits import Grant, Limiter, Used, Worst
from penstock.tenants.rules import FIGURES, Quantity

log = logging.getLogger(__name__)

NOW_SECONDS = 0.5
"""How often a guest tells how it is."""
_SHOWN = {
    name: int(quantity)
    for name, (quantity, _) in FIGURES.items()
    if quantity in (Quantity.REQUESTS, Quantity.INPUT, Quantity.OUTPUT)
}
"""The figures that the headers of an answer tell of."""
_FULL_SECONDS = 1.0


@dataclass(frozen=True)
class Once:
    """What there is once, whoever asks."""

    limiter: Limiter
    admission: Admission
    ledger: Ledger
    metrics: RequestMetrics
    last_use: LastUse


class Host(Protocol):
    """Who has guests."""

    def came(self, guest: "Guest") -> None:
        """A guest has said who it is, or that it listens now."""

    def went(self, guest: "Guest") -> None:
        """Its connection has ended."""

    def models(self) -> say.Models:
        """What it has to know of all models."""

    def endpoint(self, number: int) -> Endpoint:
        """An engine by its number. Raises ModelLoading where it is gone."""


class _Work:
    """What was done in a place, known at its end."""

    tokens = 0
    step_seconds = 0.0


@dataclass(eq=False)
class _Hosted:
    """A place that a guest waits for or has."""

    place: Place
    work: _Work
    waits: asyncio.Task[None] | None = None
    """Until it is its turn."""


class Guest:
    """Answers one API process until its connection ends, and then takes back what it held."""

    def __init__(self, once: Once, host: Host) -> None:
        self.frames = Frames[say.FromProcess](say.FromProcess, took=self._take, lost=self._lost)
        self.now = say.Now(0, 0, 0, 0.0, [])
        self.flights: list[Entry] = []
        self.name = "?"
        self.ready = False
        self._once = once
        self._house = host
        self._callers: dict[int, Caller] = {}
        self._grants: dict[int, Grant] = {}
        self._admitting: set[int] = set()
        self._places: dict[int, _Hosted] = {}
        self._waiting_on: dict[int, Pulse] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[type, Callable[[Any], object]] = {
            say.Hello: self._greet,
            say.Ready: lambda _: self._become_ready(),
            say.Known: self._know,
            say.Admit: self._admit,
            say.Settle: self._settle,
            say.Enter: self._enter,
            say.Leave: self._leave,
            say.Rows: self._record,
            say.LimitHit: lambda message: once.metrics.limit_hit(message.limit),
            say.KeyUses: self._note_uses,
            say.Flights: self._see,
            say.Now: self._hear,
        }

    def look(self) -> None:
        """Ask what is under way."""
        self.frames.tell(say.Look())

    def cancel(self, request_id: str) -> bool:
        """Break off a request, if it is one of those that this process told of."""
        if not any(entry.asked.request_id == request_id for entry in self.flights):
            return False
        self.frames.tell(say.Cancel(request_id))
        return True

    def end(self) -> None:
        self.frames.close()

    def _take(self, message: say.FromProcess) -> None:
        self._answers[type(message)](message)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _lost(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for hosted in self._places.values():
            self._free(hosted)
        self._places.clear()
        for grant in self._grants.values():
            grant.settle(Used(0, 0))
        self._grants.clear()
        for pulse in self._waiting_on.values():
            pulse.done()
        self._waiting_on.clear()
        self._house.went(self)

    def _greet(self, hello: say.Hello) -> None:
        self.name = hello.process
        self.frames.tell(self._house.models())
        self._house.came(self)

    def _become_ready(self) -> None:
        self.ready = True
        self._house.came(self)

    # Limits

    def _know(self, known: say.Known) -> None:
        self._callers[known.ref] = known.caller

    def _admit(self, asked: say.Admit) -> None:
        caller = self._callers[asked.ref]
        worst = Worst(asked.input_tokens, asked.output_tokens, asked.cost)
        try:
            grant = self._once.limiter.admit_now(caller, asked.model, worst)
        except ApiError as error:
            self.frames.tell(refused(asked.n, error, self._left(caller, asked.model)))
            return
        if grant is None:
            self._admitting.add(asked.n)
            self._begin(self._admit_later(asked, caller, worst))
        else:
            self._admitted(asked, caller, grant)

    async def _admit_later(self, asked: say.Admit, caller: Caller, worst: Worst) -> None:
        try:
            grant = await self._once.limiter.admit(caller, asked.model, worst)
        except ApiError as error:
            self.frames.tell(refused(asked.n, error, self._left(caller, asked.model)))
            return
        finally:
            wanted = asked.n in self._admitting
            self._admitting.discard(asked.n)
        if wanted:
            self._admitted(asked, caller, grant)
        else:  # its client left while it was being asked for
            grant.settle(None)

    def _admitted(self, asked: say.Admit, caller: Caller, grant: Grant) -> None:
        self._grants[asked.n] = grant
        self.frames.tell(say.Admitted(asked.n, self._left(caller, asked.model)))

    def _settle(self, said: say.Settle) -> None:
        self._admitting.discard(said.n)
        grant = self._grants.pop(said.n, None)
        if grant is not None:
            grant.settle(said.used)

    def _left(self, caller: Caller, model: str) -> list[say.Left]:
        return [
            say.Left(_SHOWN[each.name], each.limit, each.limit - each.used - each.held, each.reset_seconds)
            for each in self._once.limiter.figures(caller, model)
            if each.name in _SHOWN
        ]

    # Places

    def _enter(self, asked: say.Enter) -> None:
        ticket = Ticket(
            account_id=asked.account_id,
            tokens=asked.tokens,
            places=asked.places,
            tier=Tier(asked.tier),
            weight=asked.weight,
            ahead=asked.ahead,
        )
        try:
            place = self._once.admission.enter(self._house.endpoint(asked.engine), ticket)
        except ApiError as error:
            self.frames.tell(refused(asked.n, error, []))
            return
        hosted = self._places[asked.n] = _Hosted(place, _Work())
        if place.enter_now():
            self._entered(asked.n, hosted)
        else:
            hosted.waits = self._begin(self._enter_later(asked.n, hosted))

    async def _enter_later(self, n: int, hosted: _Hosted) -> None:
        try:
            await hosted.place.enter()
        except ApiError as error:
            del self._places[n]
            self.frames.tell(refused(n, error, []))
        else:
            self._entered(n, hosted)

    def _entered(self, n: int, hosted: _Hosted) -> None:
        hosted.waits = None
        hosted.place.holds(hosted.work)
        self.frames.tell(say.Entered(n))

    def _leave(self, said: say.Leave) -> None:
        hosted = self._places.pop(said.n, None)
        if hosted is not None:  # else it was refused
            hosted.work.tokens, hosted.work.step_seconds = said.tokens, said.step_seconds
            self._free(hosted)

    @staticmethod
    def _free(hosted: _Hosted) -> None:
        if hosted.waits is None:
            hosted.place.leave(None)
        else:
            hosted.waits.cancel()

    # What is told

    def _record(self, said: say.Rows) -> None:
        try:
            self._once.ledger.check()
        except DatabaseAway:
            self._begin(self._record_later(said))
            return
        for row, note in zip(said.rows, said.notes, strict=True):
            self._once.ledger.record(row)
            if note is not None:
                self._once.metrics.ended(row, ToldEntry.of_note(note))
        self.frames.tell(say.Taken(said.n))

    async def _record_later(self, said: say.Rows) -> None:
        # Until then the rows wait where they are, and when that is full too, their process lets nobody in.
        await asyncio.sleep(_FULL_SECONDS)
        self._record(said)

    def _note_uses(self, uses: say.KeyUses) -> None:
        for key_id, at in uses.used.items():
            self._once.last_use.note(key_id, at)

    def _see(self, said: say.Flights) -> None:
        self.flights = [ToldEntry.of_flight(flight) for flight in said.flights]

    def _hear(self, now: say.Now) -> None:
        self.now = now
        for told in now.pulses:
            try:
                pulse = self._house.endpoint(told.engine).pulse
            except ApiError:  # it has ended meanwhile
                self._waiting_on.pop(told.engine, None)
                continue
            if told.waiting and told.engine not in self._waiting_on:
                self._waiting_on[told.engine] = pulse
                pulse.wait()
            elif not told.waiting and self._waiting_on.pop(told.engine, None) is not None:
                pulse.done()
            if told.quiet_seconds < 2 * NOW_SECONDS:
                pulse.beat()
            if told.hung:
                pulse.hung = True
