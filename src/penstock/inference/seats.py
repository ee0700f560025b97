"""The seam of admission: a seat at an engine, given by this process or by the one that has the queue for all."""

from types import TracebackType
from typing import Protocol

from penstock.engines.engine import Endpoint
from penstock.inference.admission import Work
from penstock.inference.ticket import Ticket


class Seat(Protocol):
    """Slots of an engine for one request; a block that has them while it is entered."""

    entered: float
    """Since when, on the monotonic clock."""

    def holds(self, work: Work) -> None:
        """What the engine does in it."""

    async def enter(self) -> None:
        """Wait for the slots. What ends well is followed by `leave`."""

    def leave(self, error: BaseException | None) -> None:
        """Give the slots back; `error` is what ended the work in them."""

    async def __aenter__(self) -> "Seat": ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Seats(Protocol):
    """Who gives them."""

    def enter(self, endpoint: Endpoint, ticket: Ticket) -> Seat:
        """Seats to wait for. Raises InvalidRequest where the engine has not so many."""
