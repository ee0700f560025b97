"""The ledger of an API process: rows go into a spool of its own, and from there to the owner, who alone writes.

So nothing is lost that was recorded: while the owner is away rows wait here, and the spool of a process that was killed
is taken over by the one that is started in its stead.
"""

import asyncio
import logging
import time
from contextlib import suppress

from penstock.errors import DatabaseAway, Unavailable
from penstock.inference.meter import Entry
from penstock.processes.link import Link, Refusal
from penstock.processes.messages import KeyUses, LimitHit, Note, Rows
from penstock.processes.told_entry import note_of
from penstock.tenants.last_use import LastUse
from penstock.tenants.spool import Spool
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_GROUP = 500
_GATHER_SECONDS = 0.02
_SYNC_SECONDS = 0.05
_AGAIN_SECONDS = 0.2
_RETRY_AFTER_SECONDS = 5


class Handing:
    """Records rows, and hands them over; an observer too, for the metrics are the owner's."""

    def __init__(self, spool: Spool, link: Link) -> None:
        self._spool = spool
        self._link = link
        self._notes: dict[str, Note] = {}
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._note()

    def _note(self) -> None:
        waits = self._spool.rows > 0
        (self._arrived.set if waits else self._arrived.clear)()
        (self._empty.clear if waits else self._empty.set)()

    @property
    def waiting_rows(self) -> int:
        return self._spool.rows

    def lag_seconds(self) -> float:
        """For how long the oldest row has waited here."""
        with suppress(OSError):
            batch = self._spool.peek(1)
            if batch and batch.rows:
                return max(0.0, time.time() - batch.rows[0].recorded_at)
        return 0.0

    def check(self) -> None:
        """Raises DatabaseAway when so much waits that no further request may begin."""
        if self._spool.full:
            message = "The database has been away for too long: no room is left to note what requests use."
            raise DatabaseAway(message, retry_after=_RETRY_AFTER_SECONDS)

    def record(self, row: UsageRecord) -> None:
        """Settle a request. Never waits and never fails."""
        try:
            self._spool.append(row)
        except ValueError as error:
            log.error("usage of request %s is lost: %s", row.request_id, error)  # noqa: TRY400
        self._note()

    def ended(self, row: UsageRecord, entry: Entry) -> None:
        """Keep what the metrics want beside the row."""
        self._notes[row.request_id] = note_of(entry)

    def limit_hit(self, limit: str) -> None:
        """A request was refused by the limit of this name."""
        self._link.tell(LimitHit(limit))

    async def run(self) -> None:
        """Hand over until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_over())
            tasks.create_task(self._sync())

    async def _sync(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_SYNC_SECONDS)
            await self._spool.sync()

    async def _hand_over(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                await self._hand_next()
            except (Unavailable, Refusal, OSError):
                await asyncio.sleep(_AGAIN_SECONDS)
            self._note()

    async def _hand_next(self) -> None:
        batch = self._spool.peek(_GROUP)
        if batch is None:
            return
        notes = [self._notes.get(row.request_id) for row in batch.rows]
        n = self._link.number()
        await self._link.ask(n, Rows(n, batch.rows, notes))
        self._spool.remove(batch)
        for row in batch.rows:
            self._notes.pop(row.request_id, None)

    async def flushed(self) -> None:
        """Wait until everything that was recorded is the owner's."""
        await self._empty.wait()


class ToldUses(LastUse):
    """When keys were last used, told to the owner, who writes it."""

    def __init__(self, link: Link, *, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def note(self, key_id: str, at: float) -> None:
        self._told[key_id] = at

    async def flush(self) -> None:
        """Tell what is noted."""
        if self._told:
            used, self._told = self._told, {}
            self._link.tell(KeyUses(used))
