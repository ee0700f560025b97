"""The bounded queue in front of each engine: who enters next, and who makes way.

Three classes wait, in strict order; inside a class it goes by account. Lines of batches are filler: they enter what the
others leave free, and go as soon as one of the others comes.
"""

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakKeyDictionary

from penstock.engines.engine import Endpoint
from penstock.errors import InvalidRequest, PutBack, ServerOverloaded
from penstock.inference.fair_queue import FairQueue
from penstock.inference.pace import Pace
from penstock.inference.speed import Speed
from penstock.inference.ticket import Ticket, Tier

MAX_WAITING = 512
"""Requests that wait in front of one engine, as whoever comes sees it: its own class and those before it."""

LONGEST_WAIT_SECONDS = {Tier.REAL_TIME: 120.0, Tier.FLEX: 600.0, Tier.BATCH: 3600.0}
"""Nobody is let into a queue in which it would wait longer, as far as the engine's speed tells."""

MOST_PUT_BACKS = 32
"""A line that has begun anew so often stays until it is done; one of these at a time. One that goes on where it was
gets done without."""

_LONGEST_RETRY_SECONDS = 60
"""Official clients do not obey a longer one."""


@dataclass(frozen=True)
class Load:
    """How much one engine has to do: its slots, how many are taken and how many of these by lines of batches; how many
    requests of each class wait for one; how many slots lines may have beside others, and alone."""

    slots: int = 0
    busy: int = 0
    lines: int = 0
    waiting: tuple[int, ...] = (0, 0, 0)
    beside: int = 0
    alone: int = 0
    put_backs: int = 0
    """Lines that made way so far."""
    tokens_per_second: float | None = None
    """Of one request, read and written, over the last twenty or so; None before one has ended."""


class Work(Protocol):
    """What is done in a place."""

    @property
    def tokens(self) -> int:
        """What the engine has read and written for it so far."""

    @property
    def step_seconds(self) -> float:
        """The time from token to token in the mean; 0 where that is not known."""


class Place:
    """Slots of an engine for one request: waited for when its block is entered, given back when it is left.

    Raises ServerOverloaded where too much waits already, and PutBack out of the block where a line has to make way.
    """

    __slots__ = (
        *("_gate", "_task", "_tokens_before", "_work", "entered", "expected", "lines_before", "others_before"),
        *("put_back", "stays", "ticket", "turn"),
    )

    def __init__(self, gate: "Gate", ticket: Ticket) -> None:
        self.ticket = ticket
        self.turn: asyncio.Future[None] | None = None
        self.entered = 0.0
        self.expected = 0
        """Tokens that it will have come to, as far as those before it tell."""
        self.lines_before = 0.0
        self.others_before = 0.0
        self.put_back = False
        self.stays = False
        self._gate = gate
        self._work: Work | None = None
        self._tokens_before = 0
        self._task: asyncio.Task[object] | None = None

    def holds(self, work: "Work") -> None:
        """What the engine does in this place."""
        self._work = work
        self._tokens_before = work.tokens

    @property
    def tokens(self) -> int:
        """What it has come to."""
        return self._work.tokens - self._tokens_before if self._work else 0

    @property
    def step_seconds(self) -> float:
        """The time from token to token; 0 where that is not known."""
        return self._work.step_seconds if self._work else 0.0

    def enter_now(self) -> bool:
        """Take the slots where nothing has to be waited for: `enter` as a plain call, for all but lines of batches."""
        assert self.ticket.tier is not Tier.BATCH
        return self._gate.enter_now(self)

    async def enter(self) -> None:
        """Wait for the slots. What ends well is followed by `leave`."""
        if self.ticket.tier is not Tier.BATCH:
            await self._gate.enter(self)
            return
        self._task = asyncio.current_task()
        try:
            await self._gate.enter(self)
        except asyncio.CancelledError:
            if self.put_back:  # its turn came, and somebody else, before it could begin
                self._make_way()
            raise

    def leave(self, error: BaseException | None) -> None:
        """Give the slots back; `error` is what ended the work in them."""
        self._gate.leave(self)
        if self.put_back:
            self._make_way(done=error is None)

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(error)

    def interrupt(self) -> None:
        """Let a line make way: its block is broken off by PutBack."""
        assert self._task is not None
        self.put_back = True
        self._task.cancel()

    def _make_way(self, *, done: bool = False) -> None:
        """Raises PutBack, unless the work was done in the very moment, or somebody else broke it off as well."""
        assert self._task is not None
        if self._task.uncancel() == 0 and not done:
            raise PutBack("Somebody who waits for an answer came.", retry_after=1) from None


class Gate:
    """The slots of one engine."""

    def __init__(self, slots: int, *, stops: bool = True) -> None:
        """`stops` says whether the engine ends its work on a request that nobody waits for any more."""
        self.slots = slots
        self._stops = stops
        self._reserve = min(slots - 1, max(1, slots // 8))
        """Slots that lines leave free, so that who comes need not wait for one to end."""
        self.pace = Pace(slots, reserve=self._reserve)
        self._free = slots
        self._queues = tuple(FairQueue[Place]() for _ in Tier)
        self._waiting = 0
        """In all queues together."""
        self._expected = [0 for _ in Tier]
        self._others = 0
        self._lines: dict[Place, None] = {}
        self._line_places = 0
        self._leaving_places = 0
        """Of these, what lines have that were told to go."""
        self._put_backs = 0
        self._speed = Speed()
        self._clock = time.monotonic()
        self._line_seconds = 0.0
        self._other_seconds = 0.0
        """Slots of lines, and requests of others, times how long they had them, until the clock."""

    @property
    def load(self) -> Load:
        """What waits and runs now."""
        waiting = tuple(len(queue) for queue in self._queues)
        busy = self.slots - self._free
        pace = self.pace
        counts = (self._line_places, waiting, pace.beside, pace.alone, self._put_backs)
        return Load(self.slots, busy, *counts, tokens_per_second=self._speed.rate)

    def enter_now(self, place: Place) -> bool:
        """Give the place its slots, if they are free and it is its turn."""
        now = (not self._waiting or not self._waiting_before(place.ticket.tier)) and self._fits(place)
        if now:
            self._give(place)
        return now

    async def enter(self, place: Place) -> None:
        """Wait until the place's slots are free and it is its turn. Raises ServerOverloaded."""
        if self.enter_now(place):
            return
        ticket = place.ticket
        place.expected = self._speed.expected(ticket)
        self._check_room(place)
        place.turn = turn = asyncio.get_running_loop().create_future()
        self._queues[ticket.tier].add(place, ticket)
        self._waiting += 1
        self._expected[ticket.tier] += place.expected
        self._clear_the_way()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(place)  # the turn came in the very moment in which its client left
            else:
                self._remove(place)
                self._next()  # it may have been the one that was too large for what is free
            raise

    def _waiting_before(self, tier: Tier) -> int:
        """How many wait whose turn comes before that of who comes now with this tier."""
        return sum(map(len, self._queues[: tier + 1]))

    def leave(self, place: Place) -> None:
        """Free what the place held."""
        ticket = place.ticket
        self._measure(place)
        self._free += ticket.places
        if ticket.tier is Tier.BATCH:
            del self._lines[place]
            self._line_places -= ticket.places
            self._leaving_places -= ticket.places if place.put_back else 0
        else:
            self._others -= 1
        self._next()

    def _measure(self, place: Place) -> None:
        """What a request that ends tells of the engine."""
        self._tick()
        seconds, tokens = self._clock - place.entered, place.tokens
        if seconds <= 0.0 or not tokens:
            return
        self._speed.count(place.ticket, tokens, seconds=seconds)
        lines = (self._line_seconds - place.lines_before) / seconds
        others = (self._other_seconds - place.others_before) / seconds
        if place.ticket.tier is Tier.BATCH:
            if not others:
                self.pace.own.done(tokens, seconds, lines=lines)
        elif step_seconds := place.step_seconds:
            self.pace.others.answered(step_seconds, others=others, lines=lines)

    def _tick(self) -> None:
        now = time.monotonic()
        self._line_seconds += self._line_places * (now - self._clock)
        self._other_seconds += self._others * (now - self._clock)
        self._clock = now

    def _fits(self, place: Place) -> bool:
        """Whether the place could be given now, were it its turn."""
        places = place.ticket.places
        if place.ticket.tier is not Tier.BATCH:
            return self._free >= places
        if self._others or self._lines:
            most = self.pace.beside if self._others else self.pace.alone
            return self._line_places + places <= most and self._free - places >= self._reserve
        return self._free >= places  # some line always runs where nothing else does, however many choices it has

    def _give(self, place: Place) -> None:
        self._tick()
        place.entered = self._clock
        place.lines_before, place.others_before = self._line_seconds, self._other_seconds
        self._free -= place.ticket.places
        if place.ticket.tier is Tier.BATCH:
            stubborn = place.ticket.put_backs >= MOST_PUT_BACKS
            place.stays = stubborn and not any(line.stays for line in self._lines)
            self._lines[place] = None
            self._line_places += place.ticket.places
        else:
            self.pace.others.begin(self._others)
            self._others += 1
            self._clear_the_way()

    def _next(self) -> None:
        if not self._waiting:
            return
        for tier in Tier:
            while (place := self._first(tier)) is not None:
                if not self._fits(place):
                    return  # who is behind it waits too, so that one who needs many slots gets them some day
                self._queues[tier].take()
                self._waiting -= 1
                self._expected[tier] -= place.expected
                self._give(place)
                assert place.turn is not None
                place.turn.set_result(None)

    def _first(self, tier: Tier) -> Place | None:
        # A turn that was cancelled is seen here before its task knows of it.
        while (place := self._queues[tier].first()) is not None and place.turn is not None and place.turn.cancelled():
            self._remove(place)
        return place

    def _remove(self, place: Place) -> None:
        queue, before = self._queues[place.ticket.tier], len(self._queues[place.ticket.tier])
        queue.remove(place, place.ticket)
        if len(queue) < before:
            self._waiting -= 1
            self._expected[place.ticket.tier] -= place.expected

    def _clear_the_way(self) -> None:
        """Tell lines to go where more run than may run beside others, or where one who waits needs their slots."""
        if not self._lines or not self._stops:
            return
        going = self._leaving_places
        waits = self._first(Tier.REAL_TIME) or self._first(Tier.FLEX)
        if waits is None and not self._others:
            return
        needed = self._line_places - going - self.pace.beside
        if waits is not None:
            needed = max(needed, waits.ticket.places - self._free - going)
        for line in reversed(list(self._lines)):  # the last one in has the least to lose
            if needed <= 0:
                return
            if not line.put_back and not line.stays:
                self._leaving_places += line.ticket.places
                needed -= line.ticket.places
                self._put_backs += 1
                line.interrupt()

    def _check_room(self, place: Place) -> None:
        """Raises ServerOverloaded where too many, or too much, waits before it."""
        tier = place.ticket.tier
        waiting = self._waiting_before(tier)
        seconds = self._speed.seconds(sum(self._expected[: tier + 1]), slots=self.slots)
        if waiting >= MAX_WAITING or seconds > LONGEST_WAIT_SECONDS[tier]:
            message = f"{waiting} requests wait for this model already."
            retry_after = max(1, min(_LONGEST_RETRY_SECONDS, round(seconds)))
            raise ServerOverloaded(message, retry_after=retry_after)


class Admission:
    """Lets requests in to engines."""

    def __init__(self) -> None:
        self._gates: WeakKeyDictionary[Endpoint, Gate] = WeakKeyDictionary()

    def load(self, endpoint: Endpoint) -> Load:
        """What waits for the endpoint and runs on it now."""
        return self._gate(endpoint).load

    def lines(self, endpoint: Endpoint) -> int:
        """How many lines of batches are worth having at the door: those that run, and some that wait."""
        return 2 * self._gate(endpoint).pace.alone + 2

    def enter(self, endpoint: Endpoint, ticket: Ticket) -> Place:
        """A place of the endpoint, to be entered. Raises InvalidRequest where it has not so many slots."""
        gate = self._gate(endpoint)
        if ticket.places > gate.slots:
            raise InvalidRequest(f"n may be {gate.slots} at most for this model.", param="n")
        return Place(gate, ticket)

    def _gate(self, endpoint: Endpoint) -> Gate:
        gate = self._gates.get(endpoint)
        if gate is None:
            gate = self._gates[endpoint] = Gate(endpoint.slots, stops=endpoint.abilities.stops)
        return gate
