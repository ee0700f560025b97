"""The work on batches that one server does, as filler: it takes what real-time traffic leaves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from penstock.batches.assembly import Assembly
from penstock.batches.blobs import Blobs
from penstock.batches.claims import Claims, Models
from penstock.batches.holders import Holders
from penstock.batches.jobs import Jobs
from penstock.batches.lane import Lane, Tools
from penstock.batches.line_requests import LineRequests
from penstock.batches.results import Results
from penstock.batches.runners import Runners
from penstock.batches.under_way import UnderWay
from penstock.batches.validation import Validation
from penstock.catalogue.workers import Worker
from penstock.database.connection import Database
from penstock.inference.admission import Admission
from penstock.tenants.callers import Callers
from penstock.tenants.limits import Limiter
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_BEATS = 3
"""In the length of a lease."""
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_FLUSH_SECONDS = 3.0
"""How long an end waits for a database that is away; what is not written by then runs again elsewhere."""
_UNKNOWN_AT_ONCE = 32


class EngineDoor:
    """The door of a model that this server serves."""

    def __init__(self, worker: Worker, admission: Admission, closed: Callable[[], bool]) -> None:
        """`closed` says whether the server is about to end, so that nothing is to be begun."""
        self.model = worker.model.id
        self.names = frozenset(worker.names)
        self._worker = worker
        self._admission = admission
        self._closed = closed

    def wanted(self) -> int:
        endpoint = self._worker.endpoint
        return 0 if endpoint is None or self._closed() else self._admission.lines(endpoint)

    def bears_suspects(self) -> bool:
        return self._worker.deaths_to_spare > 0


class NoDoor:
    """Lines for models that nobody serves: each is refused as a live request would be."""

    def wanted(self) -> int:
        return _UNKNOWN_AT_ONCE

    def bears_suspects(self) -> bool:
        return True


class BatchRunner:
    """Runs batches until its block is left."""

    @classmethod
    def of(
        cls,
        database: Database,
        blobs: Blobs,
        callers: Callers,
        limiter: Limiter,
        requests: LineRequests,
        doors: Sequence["EngineDoor"],
        *,
        counted: Callable[[Sequence[UsageRecord]], None],
        lease_seconds: float,
    ) -> Self:
        """Everything that it takes, put together; `doors` are those of the models that this server serves, `counted`
        is told of the rows of lines that are in the ledger."""
        runners = Runners(database, (name for door in doors for name in door.names), lease_seconds=lease_seconds)
        claims = Claims(database, runners.id)
        lanes: list[Lane] = []

        def wake_lanes() -> None:
            for lane in lanes:
                lane.wake()

        validation, assembly = Validation(database, blobs, callers), Assembly(database, blobs)
        under_way = UnderWay(database)
        jobs = Jobs(database, runners.id, validation, assembly, under_way, done=wake_lanes)
        results = Results(database, runners.id, counted=counted, finished=jobs.wake)
        tools = Tools(claims, results, requests, Holders(callers, limiter), blobs, under_way)
        lanes += (Lane(door.model, partial(Models, door.names), door, tools) for door in doors)
        lanes.append(Lane("", lambda: Models(runners.offered, excluded=True), NoDoor(), tools))
        return cls(runners, claims, results, jobs, lanes, under_way, beat_seconds=lease_seconds / _BEATS)

    def __init__(
        self,
        runners: Runners,
        claims: Claims,
        results: Results,
        jobs: Jobs,
        lanes: Sequence[Lane],
        under_way: UnderWay,
        *,
        beat_seconds: float,
    ) -> None:
        self._runners = runners
        self._claims = claims
        self._results = results
        self._jobs = jobs
        self._lanes = lanes
        self._under_way = under_way
        self._beat_seconds = beat_seconds
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """A batch was made or cancelled: look at once."""
        self._under_way.changed()
        self._jobs.wake()
        self._changed.set()
        for lane in self._lanes:
            lane.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the block runs. At its end what is under way is given back, for others or for the next start."""
        writing = asyncio.create_task(self._results.run(), name="results of batches")
        working = asyncio.create_task(self._work(), name="batches")
        try:
            yield
        finally:
            await _cancel(working)
            with suppress(TimeoutError, SQLAlchemyError, OSError):
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self._results.flushed()
                    await self._runners.leave()
            await _cancel(writing)

    async def _work(self) -> None:
        await self._beat()  # whoever holds lines must be seen to live
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_beating())
            tasks.create_task(self._jobs.run())
            tasks.create_task(self._watch())
            for lane in self._lanes:
                tasks.create_task(lane.run())

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            await self._beat()

    async def _beat(self) -> None:
        while True:
            try:
                freed = await self._runners.beat()
            except (SQLAlchemyError, OSError) as error:
                log.warning("this server cannot say that it lives: %s", str(error).partition("\n")[0])
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        if freed:
            log.warning("lines of batches were taken over from a server that is gone")
            self.wake()

    async def _watch(self) -> None:
        """Drop what runs for batches that were cancelled or whose time is up."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            held = set[str]().union(*(lane.batches for lane in self._lanes))
            if not held:
                continue
            try:
                gone = held - await self._claims.still_run(held)
            except (SQLAlchemyError, OSError) as error:
                log.warning("batches cannot be looked at: %s", str(error).partition("\n")[0])
                continue
            for lane in self._lanes:
                lane.drop(gone)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()):
        log.error("the work on batches has ended before", exc_info=error)
