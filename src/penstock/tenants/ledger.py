"""The ledger: one row per request, and the sums of rows, written in groups from the spool."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from penstock.database.connection import Database
from penstock.database.tables import usage
from penstock.errors import DatabaseAway
from penstock.tenants.spool import Batch, Spool
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_GROUP = 500
_MANY = 32
"""Rows in a group that tell of a busy server."""
_SYNC_SECONDS = 0.05
_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Lag:
    """How far the database is behind: rows that wait for it, and for how long the oldest of them has waited."""

    rows: int
    seconds: float


class Ledger:
    """Takes rows at any time, and commits those that wait as one group of up to 500, one group after the other.

    A row that was recorded survives the end of this process, whatever ends it; a power failure loses at most what was
    recorded in the last tenth of a second. While the database is away rows wait in the spool; when that is full, no
    further request is let in. A row that the database will never take is given up, with an error in the log: it must
    not keep back the rest.
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
        self._database = database
        self._spool = spool
        self._retry_seconds = retry_seconds
        self._gather_seconds = gather_seconds
        self._busy_gather_seconds = busy_gather_seconds
        self._busy = False
        self._flushing = 0
        self._group = _GROUP
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._written = asyncio.Event()
        self.committed = 0
        """Rows that this process has brought into the database."""
        self._note()

    def _note(self) -> None:
        rows = self._spool.rows
        if rows:
            self._arrived.set()
            self._written.clear()
        else:
            self._arrived.clear()
            self._written.set()
        if rows >= self._group or self._flushing:
            self._hurry.set()
        else:
            self._hurry.clear()

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
            log.error("usage of request %s is lost: %s", row.request_id, _first_line(error))  # noqa: TRY400
        self._note()

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commit_groups())
            tasks.create_task(self._sync())

    async def _sync(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_SYNC_SECONDS)
            await self._spool.sync()

    async def _commit_groups(self) -> None:
        while True:
            await self._arrived.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._busy_gather_seconds if self._busy else self._gather_seconds):
                    await self._hurry.wait()
            try:
                await self._commit_next()
            except (SQLAlchemyError, OSError) as error:
                log.warning("usage cannot be written, %d rows wait: %s", self._spool.rows, _first_line(error))
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
            log.error("usage of request %s is lost: %s", batch.rows[0].request_id, _first_line(error))
            self._spool.remove(batch)
        else:
            self._group = len(batch.rows) // 2

    async def flushed(self) -> None:
        """Wait until everything that was recorded is committed."""
        self._flushing += 1
        self._note()
        try:
            await self._written.wait()
        finally:
            self._flushing -= 1
            self._note()

    def lag(self) -> Lag:
        """How far the database is behind. Raises OSError where the spool cannot be read."""
        batch = self._spool.peek(1)
        now = time.time()
        oldest = batch.rows[0].recorded_at if batch and batch.rows else now
        return Lag(self._spool.rows, max(0.0, now - oldest))

    async def rows(self, *, limit: int = 100) -> list[UsageRecord]:
        """The newest rows, newest first."""
        async with self._database.read() as connection:
            found = await connection.execute(select(usage).order_by(usage.c.created_at.desc()).limit(limit))
            return [UsageRecord(*row) for row in found]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
