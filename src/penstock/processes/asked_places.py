"""Places of an API process at engines: the owner's queue, one for all processes and the lines of batches."""

import asyncio
import time
from types import TracebackType
from typing import Self

from penstock.engines.engine import Endpoint
from penstock.errors import InvalidRequest
from penstock.inference.admission import Work
from penstock.inference.ticket import Ticket
from penstock.processes.link import Link, Refusal
from penstock.processes.messages import Enter, Leave
from penstock.processes.told_models import ToldModels


class AskedPlace:
    """Slots of an engine for one request: waited for when its block is entered, given back when it is left."""

    __slots__ = ("_before", "_link", "_n", "_number", "_ticket", "_work", "entered")

    def __init__(self, link: Link, number: int, ticket: Ticket) -> None:
        self.entered = 0.0
        self._link = link
        self._n = link.number()
        self._number = number
        self._ticket = ticket
        self._work: Work | None = None
        self._before = 0

    def holds(self, work: Work) -> None:
        """What the engine does in this place."""
        self._work = work
        self._before = work.tokens

    async def enter(self) -> None:
        """Wait for the slots. Raises what the owner refuses them with, and Unavailable where it is away."""
        ticket = self._ticket
        asked = Enter(
            self._n,
            self._number,
            ticket.account_id,
            ticket.tokens,
            ticket.places,
            ticket.tier,
            ticket.weight,
            ticket.ahead,
        )
        try:
            await self._link.ask(self._n, asked)
        except Refusal as refusal:
            raise refusal.error from None
        except asyncio.CancelledError:
            self._link.tell(Leave(self._n))
            raise
        self.entered = time.monotonic()

    def leave(self, error: BaseException | None) -> None:
        """Give the slots back, whatever ended the work in them."""
        work = self._work
        tokens = work.tokens - self._before if work else 0
        self._link.tell(Leave(self._n, tokens, work.step_seconds if work else 0.0))

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(error)


class AskedAdmission:
    """Lets requests in to engines, as the owner says."""

    def __init__(self, link: Link, models: ToldModels) -> None:
        self._link = link
        self._models = models

    def enter(self, endpoint: Endpoint, ticket: Ticket) -> AskedPlace:
        """A place of the endpoint, to be entered. Raises InvalidRequest where it has not so many slots."""
        if ticket.places > endpoint.slots:
            raise InvalidRequest(f"n may be {endpoint.slots} at most for this model.", param="n")
        return AskedPlace(self._link, self._models.number_of(endpoint), ticket)
