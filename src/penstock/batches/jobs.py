"""What batches need beside their lines: to be validated at their beginning, and assembled at their end."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Update, exists, select, update
from sqlalchemy.exc import SQLAlchemyError

from penstock.batches.assembly import Assembly
from penstock.batches.batch import OVER, SHOWN, Batch
from penstock.batches.fence import Fenced
from penstock.batches.under_way import UnderWay
from penstock.batches.validation import Validation
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches
from penstock.errors import DatabaseAway, StorageAway
from penstock.protocol.batches import BatchStatus

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
"""Between looks at what other servers have begun; what this one began wakes it."""
_RETRY_SECONDS = 2.0
_LEFT_OVER_SECONDS = 600.0

_UNDER_WAY = batches.c.status.in_(("validating", "in_progress"))
_ALL_DONE = batches.c.completed + batches.c.failed >= batches.c.total
_OVER = batches.c.status.in_(OVER)

Job = Callable[[Batch, str], Awaitable[None]]


class Jobs:
    """Does the jobs of all batches, beside other servers: each job is claimed, and fenced by its generation."""

    def __init__(
        self,
        database: Database,
        runner_id: str,
        validation: Validation,
        assembly: Assembly,
        under_way: UnderWay,
        *,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """`done` is told of each job that is over: there may be lines to run now."""
        self._done = done
        self._database = database
        self._runner_id = runner_id
        self._validation = validation
        self._assembly = assembly
        self._under_way = under_way
        self._wakes = {job: asyncio.Event() for job in ("begin", "end")}

    def wake(self) -> None:
        """Something may have changed: look at once."""
        for event in self._wakes.values():
            event.set()

    async def run(self) -> None:
        """Work until cancelled. A large file that is validated holds up no batch that ends."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._loop("begin", ("validating",), self._validation.run))
            tasks.create_task(self._loop("end", ("finalizing", "cancelling"), self._assembly.run))
            tasks.create_task(self._remove_left_over())

    async def _loop(self, name: str, statuses: Sequence[BatchStatus], job: Job) -> None:
        wake = self._wakes[name]
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await wake.wait()
            wake.clear()
            try:
                if not await self._under_way.any():
                    continue
                if name == "end":
                    await self._advance()
                while batch := await self._claim(statuses):
                    await self._do(batch, job)
            except (SQLAlchemyError, OSError) as error:
                log.warning("batches cannot be looked after: %s", str(error).partition("\n")[0])
                await asyncio.sleep(_RETRY_SECONDS)

    async def _do(self, batch: Batch, job: Job) -> None:
        try:
            await job(batch, self._runner_id)
        except Fenced:
            log.info("%s was taken over by another server", batch.id)
        except (DatabaseAway, StorageAway) as error:
            log.warning("%s waits for what it needs: %s", batch.id, str(error.__cause__).partition("\n")[0])
            await self._release(batch)
            await asyncio.sleep(_RETRY_SECONDS)
        except (SQLAlchemyError, OSError):
            await self._release(batch)
            raise
        self.wake()
        self._done()

    async def _advance(self) -> None:
        """Let those end whose time is up or whose lines are all done."""
        now = time.time()
        ends = {
            "expired": _UNDER_WAY & (batches.c.expires_at <= now),
            "completed": (batches.c.status == "in_progress") & _ALL_DONE,
        }
        async with self._database.read() as connection:
            due = [end for end, condition in ends.items() if (await connection.execute(_one(condition))).first()]
        for end in due:
            ending = {"status": "finalizing", "ends_as": end, "finalizing_at": now, "runner_id": None}
            async with self._database.write() as connection:
                await connection.execute(update(batches).where(ends[end]).values(ending))

    async def _claim(self, statuses: Sequence[BatchStatus]) -> Batch | None:
        free = batches.c.status.in_(statuses) & batches.c.runner_id.is_(None)
        async with self._database.read() as connection:  # most looks find nothing, and need no writer's turn
            if (await connection.execute(_one(free))).first() is None:
                return None
        oldest = select(batches.c.id).where(free).order_by(batches.c.created_at).limit(1)
        claiming = (
            update(batches)
            .where(batches.c.id.in_(oldest.with_for_update(skip_locked=True)))
            .values(runner_id=self._runner_id, generation=batches.c.generation + 1)
            .returning(*SHOWN)
        )
        async with self._database.write() as connection:
            row = (await connection.execute(claiming)).one_or_none()
        return None if row is None else Batch(*row)

    async def _release(self, batch: Batch) -> None:
        with suppress(SQLAlchemyError, OSError):
            async with self._database.write() as connection:
                await connection.execute(self._freeing(batch))

    def _freeing(self, batch: Batch) -> Update:
        held = (batches.c.runner_id == self._runner_id) & (batches.c.generation == batch.generation)
        return update(batches).where(batches.c.id == batch.id, held).values(runner_id=None)

    async def _remove_left_over(self) -> None:
        """Remove the lines of batches that are over, where whoever assembled them was killed before it did."""
        of_over = _OVER & exists().where(batch_lines.c.batch_id == batches.c.id)
        while True:
            with suppress(SQLAlchemyError, OSError):
                async with self._database.read() as connection:
                    found = (await connection.execute(select(batches.c.id).where(of_over))).scalars().all()
                for batch_id in found:
                    await self._assembly.forget(batch_id)
            await asyncio.sleep(_LEFT_OVER_SECONDS)


def _one(condition: Any) -> Any:
    return select(batches.c.id).where(condition).limit(1)
