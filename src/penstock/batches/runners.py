"""The servers that run batches: which of them live, and who takes over from one that does not."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batch_runners, batches
from penstock.tenants.names import new_id

GONE_SECONDS = 60.0
"""After its lease a runner's models count as served for so long yet: a server that is started anew takes a while."""

_LEFT = -1
"""The beat of a runner that has left, and holds nothing."""


@dataclass
class _Seen:
    """A beat, and when it was first seen on our clock."""

    beat: int
    since: float


class Runners:
    """This server among all that run batches of one database.

    No clock is compared with another's. A runner lives as long as its beat changes, and each server watches the beats
    of the others by a clock of its own that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        models: Iterable[str],
        *,
        lease_seconds: float,
        gone_seconds: float = GONE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`models` are the names of those that this server serves; what a runner holds is its own for `lease_seconds`
        after its last beat."""
        self.id = new_id("runner")
        self.offered: frozenset[str] = frozenset(models)
        """The names of all models that some server serves, as of the last beat."""
        self._database = database
        self._models = sorted(self.offered)
        self._lease_seconds = lease_seconds
        self._gone_seconds = gone_seconds
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}
        self._beat = 0

    async def beat(self) -> bool:
        """Say that this server lives, and take over from those that do not. Whether something became free."""
        self._beat += 1
        async with self._database.write() as connection:
            await self._say(connection)
            now = self._monotonic()
            rows = (await connection.execute(select(batch_runners.c.id, batch_runners.c.beat))).all()
            quiet = {id_: seconds for id_, beat in rows if (seconds := self._quiet_seconds(id_, beat, now)) is not None}
            dead = [id_ for id_, seconds in quiet.items() if seconds >= self._lease_seconds]
            gone = [id_ for id_, seconds in quiet.items() if seconds >= self._lease_seconds + self._gone_seconds]
            freed = bool(dead) and await _free(connection, dead)
            await connection.execute(delete(batch_runners).where(batch_runners.c.id.in_(gone)))
            names = await connection.execute(select(batch_runners.c.models))
            self.offered = frozenset(name for (models,) in names for name in models)
        for id_ in gone:
            del self._seen[id_]
        return freed

    async def leave(self) -> None:
        """Give back what this server holds; its models count as served for a while yet."""
        async with self._database.write() as connection:
            await _free(connection, [self.id])
            left = update(batch_runners).where(batch_runners.c.id == self.id).values(beat=_LEFT)
            await connection.execute(left)

    async def _say(self, connection: AsyncConnection) -> None:
        own = update(batch_runners).where(batch_runners.c.id == self.id).values(beat=self._beat)
        if (await connection.execute(own)).rowcount == 0:
            # At the first beat; or it was quiet for so long that it was taken for gone.
            row = {"id": self.id, "beat": self._beat, "models": self._models, "started_at": time.time()}
            await connection.execute(insert(batch_runners).values(row))

    def _quiet_seconds(self, runner_id: str, beat: int, now: float) -> float | None:
        """How long a runner's beat has not changed, as far as was seen from here; None for this one."""
        if runner_id == self.id:
            return None
        seen = self._seen.get(runner_id)
        if seen is None or seen.beat != beat:
            self._seen[runner_id] = seen = _Seen(beat, now)
        return now - seen.since


async def _free(connection: AsyncConnection, runner_ids: list[str]) -> bool:
    """Let others have the lines and the batches that these hold. Whether there were any."""
    held = batch_lines.c.runner_id.in_(runner_ids) & (batch_lines.c.state == "running")
    lines = await connection.execute(update(batch_lines).where(held).values(state="waiting", runner_id=None))
    jobs = await connection.execute(update(batches).where(batches.c.runner_id.in_(runner_ids)).values(runner_id=None))
    return lines.rowcount + jobs.rowcount > 0
