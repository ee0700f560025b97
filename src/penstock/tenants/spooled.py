"""Rows of usage that wait in a spool until somebody has them for good: the database, or a process that writes there."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from penstock.errors import DatabaseAway
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_SYNC_SECONDS = 0.05
_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Lag:
    """How far behind the database is: rows that wait for it, and for how long the oldest of them has waited."""

    rows: int
    seconds: float


class Spooled(ABC):
    """Takes rows at any time. A row that was recorded survives the end of this process, whatever ends it; a power
    failure loses at most what was recorded in the last tenth of a second."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()

    def _note(self) -> None:
        """See whether something waits; to be called whenever that may have changed."""
        if self._spool.rows:
            self._arrived.set()
            self._empty.clear()
        else:
            self._arrived.clear()
            self._empty.set()

    @property
    def waiting_rows(self) -> int:
        return self._spool.rows

    def check(self) -> None:
        """Raises DatabaseAway when so much waits for the database that no further request may begin."""
        if self._spool.full:
            message = "The database has been away for too long: no room is left to note what requests use."
            raise DatabaseAway(message, retry_after=_RETRY_AFTER_SECONDS)

    def record(self, row: UsageRecord) -> None:
        """Settle a request. Never waits and never fails; a second row of the same request changes nothing."""
        try:
            self._spool.append(row)
        except ValueError as error:
            log.error("usage of request %s is lost: %s", row.request_id, first_line(error))  # noqa: TRY400
        self._note()

    async def run(self) -> None:
        """Pass rows on until cancelled."""
        self._note()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass_on())
            tasks.create_task(self._sync())

    @abstractmethod
    async def _pass_on(self) -> None:
        """Bring rows where they belong, again and again, and wait while that is away."""

    async def _sync(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_SYNC_SECONDS)
            await self._spool.sync()

    async def flushed(self) -> None:
        """Wait until everything that was recorded has been passed on."""
        self._note()
        await self._empty.wait()

    def lag(self) -> Lag:
        """How far the database is behind. Raises OSError where the spool cannot be read."""
        batch = self._spool.peek(1)
        now = time.time()
        oldest = batch.rows[0].recorded_at if batch and batch.rows else now
        return Lag(self._spool.rows, max(0.0, now - oldest))


def first_line(error: Exception) -> str:
    """Of what an error says; the rest may quote rows."""
    return str(error).partition("\n")[0]
