"""When each key was last used: noted in memory, written in groups, apart from every request."""

import asyncio
import logging

from sqlalchemy import bindparam, or_, update
from sqlalchemy.exc import SQLAlchemyError

from penstock.database.connection import Database
from penstock.database.tables import api_keys

log = logging.getLogger(__name__)

_GROUP = 500

_LATER = update(api_keys).where(
    api_keys.c.id == bindparam("which"),
    or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("at")),
).values(last_used_at=bindparam("at"))  # fmt: skip


class LastUse:
    """Collects the uses of keys, and writes them every `seconds`; those of the last seconds before a crash are lost."""

    def __init__(self, database: Database, *, seconds: float = 10.0) -> None:
        self._database = database
        self._seconds = seconds
        self._used: dict[str, float] = {}

    def note(self, key_id: str, at: float) -> None:
        """A key was used at this time, in seconds since 1970."""
        self._used[key_id] = at

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await self.flush()

    async def flush(self) -> None:
        """Write what is noted; while the database is away it stays noted."""
        while self._used:
            group = [self._used.popitem() for _ in range(min(_GROUP, len(self._used)))]
            try:
                async with self._database.write() as connection:
                    # In one order everywhere: two servers that lock the same rows do not wait for each other in a ring.
                    rows = [{"which": key_id, "at": at} for key_id, at in sorted(group)]
                    await connection.execute(_LATER, rows)
            except (SQLAlchemyError, OSError) as error:
                self._used = dict(group) | self._used
                log.warning("when keys were used cannot be written: %s", str(error).partition("\n")[0])
                return
