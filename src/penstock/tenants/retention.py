"""How long rows of usage are kept. The sums by hour and by day stay for ever."""

import asyncio
import logging
import time

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from penstock.database.connection import Database
from penstock.database.tables import usage

log = logging.getLogger(__name__)

_DAY_SECONDS = 86400
_PORTION_SECONDS = 0.02
"""How long a portion may keep other writers waiting, as far as portions before it tell."""
_REST = 4
"""How many times longer than a portion the pause after it is."""
_MOST_ROWS = 1000


class Retention:
    """Deletes what is older than `days`, in portions so small that no writer waits long. 0 days: nothing is deleted."""

    def __init__(
        self,
        database: Database,
        *,
        days: int,
        first_after_seconds: float = 30.0,
        again_after_seconds: float = 3600.0,
    ) -> None:
        self._database = database
        self._days = days
        self._first_after_seconds = first_after_seconds
        self._again_after_seconds = again_after_seconds
        self._portion = 50

    async def run(self) -> None:
        """Delete shortly after the start and then every hour, until cancelled."""
        wait = self._first_after_seconds
        while self._days:
            await asyncio.sleep(wait)
            wait = self._again_after_seconds
            try:
                await self.prune(before=time.time() - self._days * _DAY_SECONDS)
            except SQLAlchemyError as error:
                log.warning("old rows of usage cannot be deleted: %s", str(error).partition("\n")[0])

    async def prune(self, *, before: float) -> int:
        """Delete the rows of requests that began before that, in seconds since 1970; how many there were."""
        deleted = 0
        while portion := await self._delete(before):
            deleted += portion
        return deleted

    async def _delete(self, before: float) -> int:
        oldest = select(usage.c.request_id).where(usage.c.created_at < before)
        oldest = oldest.order_by(usage.c.created_at).limit(self._portion)
        async with self._database.write() as connection:
            began = time.monotonic()
            gone = await connection.execute(delete(usage).where(usage.c.request_id.in_(oldest)))
        spent = time.monotonic() - began
        self._portion = max(1, min(_MOST_ROWS, int(self._portion * min(2.0, _PORTION_SECONDS / spent))))
        await asyncio.sleep(spent * _REST)
        return gone.rowcount
