"""Whether any batch is under way: asked before all else, so that a server without batches has next to nothing to do."""

import time
from collections.abc import Callable

from sqlalchemy import select

from penstock.batches.batch import OVER
from penstock.database.connection import Database
from penstock.database.tables import batches

BELIEVED_SECONDS = 2.0
"""How long an answer is believed; what is begun on another server is seen so much later at most."""

_ONE = select(batches.c.id).where(batches.c.status.not_in(OVER)).limit(1)


class UnderWay:
    """Asks the database once for all that look for work."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._found = False
        self._asked_at: float | None = None
        self._changes = 0

    def changed(self) -> None:
        """A batch was begun here: what was found does not hold any more, nor what is being asked now."""
        self._asked_at = None
        self._changes += 1

    async def any(self) -> bool:
        """Whether there is a batch that is not over. Raises SQLAlchemyError or OSError."""
        now = self._monotonic()
        if self._asked_at is not None and now - self._asked_at < BELIEVED_SECONDS:
            return self._found
        changes = self._changes
        async with self._database.read() as connection:
            found = (await connection.execute(_ONE)).first() is not None
        if changes == self._changes:
            self._found, self._asked_at = found, now
        return found or changes != self._changes
