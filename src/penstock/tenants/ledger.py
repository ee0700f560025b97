"""The ledger: one row per request, and the sums of rows, written in groups from the spool."""

import asyncio
import logging
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from penstock.database.connection import Database
from penstock.database.tables import usage
from penstock.tenants.spool import Batch, Spool
from penstock.tenants.spooled import Spooled, first_line
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_GROUP = 500
_MANY = 32
"""Rows in a group that tell of a busy server."""


class Ledger(Spooled):
    """Commits the rows that wait as one group of up to 500, one group after the other.

    While the database is away rows wait in the spool; when that is full, no further request is let in. A row that the
    database will never take is given up, with an error in the log: it must not keep back the rest.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        *,
        retry_seconds: float = 1.0,
        gather_seconds: float = 0.02,
        busy_gather_seconds: float = 0.1,
    ) -> None:
        """A group waits `gather_seconds` for more rows to come, and longer where the one before it had many: a commit
        by itself costs as much as fifty rows."""
        super().__init__(spool)
        self._database = database
        self._retry_seconds = retry_seconds
        self._gather_seconds = gather_seconds
        self._busy_gather_seconds = busy_gather_seconds
        self._busy = False
        self._flushing = 0
        self._group = _GROUP
        self._hurry = asyncio.Event()
        self.committed = 0
        """Rows that this process has brought into the database."""

    def _note(self) -> None:
        super()._note()
        if self._spool.rows >= self._group or self._flushing:
            self._hurry.set()
        else:
            self._hurry.clear()

    async def _pass_on(self) -> None:
        while True:
            await self._arrived.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._busy_gather_seconds if self._busy else self._gather_seconds):
                    await self._hurry.wait()
            try:
                await self._commit_next()
            except (SQLAlchemyError, OSError) as error:
                log.warning("usage cannot be written, %d rows wait: %s", self._spool.rows, first_line(error))
                await asyncio.sleep(self._retry_seconds)
            self._note()

    async def _commit_next(self) -> None:
        batch = self._spool.peek(self._group)
        if batch is None:
            return
        try:
            async with self._database.write() as connection:
                written = await settle(connection, batch.rows)
        except (IntegrityError, DataError, OverflowError, UnicodeEncodeError) as error:
            self._halve(batch, error)
        else:
            self._spool.remove(batch)
            self._busy = len(batch.rows) >= _MANY
            self.committed += written
            self._group = min(_GROUP, self._group * 2)

    def _halve(self, batch: Batch, error: Exception) -> None:
        # One row is at fault: smaller groups find it, and the others get through.
        if len(batch.rows) == 1:
            log.error("usage of request %s is lost: %s", batch.rows[0].request_id, first_line(error))
            self._spool.remove(batch)
        else:
            self._group = len(batch.rows) // 2

    async def flushed(self) -> None:
        """Wait until everything that was recorded is committed; it is not gathered for long any more."""
        self._flushing += 1
        try:
            await super().flushed()
        finally:
            self._flushing -= 1
            self._note()

    async def rows(self, *, limit: int = 100) -> list[UsageRecord]:
        """The newest rows, newest first."""
        async with self._database.read() as connection:
            found = await connection.execute(select(usage).order_by(usage.c.created_at.desc()).limit(limit))
            return [UsageRecord(*row) for row in found]
