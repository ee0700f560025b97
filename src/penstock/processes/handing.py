"""The ledger of an API process: rows go into a spool of its own, and from there to the owner, who alone writes.

So nothing is lost that was recorded: while the owner is away rows wait here, and the spool of a process that was killed
is taken over by the one that is started in its stead.
"""

import asyncio

from penstock.errors import Unavailable
from penstock.inference.meter import Entry
from penstock.processes.link import Link, Refusal
from penstock.processes.messages import KeyUses, LimitHit, Note, Rows
from penstock.processes.told_entry import note_of
from penstock.tenants.last_use import LastUse
from penstock.tenants.spool import Spool
from penstock.tenants.spooled import Spooled
from penstock.tenants.usage import UsageRecord

_GROUP = 500
_GATHER_SECONDS = 0.02
_AGAIN_SECONDS = 0.2


class Handing(Spooled):
    """Records rows, and hands them over; an observer too, for the metrics are the owner's."""

    def __init__(self, spool: Spool, link: Link) -> None:
        super().__init__(spool)
        self._link = link
        self._notes: dict[str, Note] = {}

    def ended(self, row: UsageRecord, entry: Entry) -> None:
        """Keep what the metrics want beside the row."""
        self._notes[row.request_id] = note_of(entry)

    def limit_hit(self, limit: str) -> None:
        """A request was refused by the limit of this name."""
        self._link.tell(LimitHit(limit))

    async def _pass_on(self) -> None:
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
