"""The lines for one model on their way through it: claimed in blocks, as many at its door as it wants there."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from penstock.batches.blobs import Blobs
from penstock.batches.claims import Claim, Claims, Models, Work
from penstock.batches.fair_share import FairShare
from penstock.batches.holders import Holders
from penstock.batches.line_requests import LineDelivery, LineRequests
from penstock.batches.results import Back, Done, Results
from penstock.batches.under_way import UnderWay
from penstock.errors import (
    ApiError,
    EngineError,
    InsufficientQuota,
    InternalError,
    NeverFits,
    PutBack,
    RateLimited,
    StorageAway,
    Unavailable,
)
from penstock.protocol.errors import envelope

log = logging.getLogger(__name__)

MOST_DEATHS = 3
"""A line that an engine died under so often while it ran alone is given up."""

_LOOK_SECONDS = 1.0
_IDLE_LOOK_SECONDS = 3.0
"""Between looks for lines that other servers have made ready or given back; what this one has wakes its lanes."""
_PAUSE_SECONDS = 1.0
_AHEAD_SECONDS = 1.0
"""Lines are claimed for so long ahead: a claim is a transaction, however many it takes; but what is claimed goes before
all that comes, and a slow engine would hold up a small batch with a large one's."""
_MOST_AHEAD = 512
_MOST_UNWRITTEN = 2000
"""Results that wait for the database; with more of them no line is begun."""
_READ_BYTES = 4 << 20
"""Of lines that are read at once."""


class Door(Protocol):
    """What a lane wants to know of its model's engine."""

    def wanted(self) -> int:
        """How many lines are worth having at its door now; 0 while there is no engine."""

    def bears_suspects(self) -> bool:
        """Whether its engine may die once more without being given up for good."""


@dataclass
class _Ready:
    """A line that may begin."""

    work: Work
    claim: Claim
    delivery: LineDelivery
    given: bytes = b""


@dataclass
class Tools:
    """What all lanes of a server work with."""

    claims: Claims
    results: Results
    requests: LineRequests
    holders: Holders
    blobs: Blobs
    under_way: UnderWay


class Lane:
    """Runs the lines for one model, or for all models that nobody serves."""

    def __init__(self, name: str, models: Callable[[], Models], door: Door, tools: Tools) -> None:
        """`name` is the id of the model; empty for the lane of those that nobody serves."""
        self.name = name
        self._models = models
        self._door = door
        self._tools = tools
        self._share = FairShare()
        self._ready: deque[_Ready] = deque()
        self._running: dict[asyncio.Task[None], _Ready] = {}
        self._alone = False
        """Whether a suspect runs, with which nothing else may."""
        self._paused_until = 0.0
        self._over = 0
        """Lines that have ended since the last claim."""
        self._counted_since = 0.0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something may have changed: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what runs then ends with it."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    if loop.time() >= self._paused_until:
                        await self._step()
                except (SQLAlchemyError, OSError, StorageAway) as error:
                    log.warning("lines of batches cannot be taken: %s", str(error).partition("\n")[0])
                    self._pause(_PAUSE_SECONDS)
                busy = self._running or self._ready or loop.time() < self._paused_until
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS if busy else _IDLE_LOOK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    @property
    def batches(self) -> set[str]:
        """The batches whose lines it holds."""
        return {ready.work.batch_id for ready in (*self._running.values(), *self._ready)}

    def drop(self, batch_ids: Iterable[str]) -> None:
        """Stop what is done for these batches: it counts no more."""
        gone = set(batch_ids)
        self._ready = deque(ready for ready in self._ready if ready.work.batch_id not in gone)
        for task, ready in self._running.items():
            if ready.work.batch_id in gone:
                task.cancel()

    def _pause(self, seconds: float) -> None:
        self._paused_until = asyncio.get_running_loop().time() + seconds

    async def _step(self) -> None:
        wanted = self._door.wanted()
        if not wanted or self._alone or self._tools.results.waiting > _MOST_UNWRITTEN:
            return
        if not (self._ready or self._running or await self._tools.under_way.any()):
            return
        if len(self._ready) < wanted:
            await self._claim(wanted + self._next_block())
        if not self._ready and not self._running and self._door.bears_suspects():
            await self._claim(1, suspects=True)
        while self._ready and len(self._running) < wanted:
            if not self._ready[0].given:
                await self._read()
            self._begin(self._ready.popleft())

    def _next_block(self) -> int:
        """How many lines have ended here in the time that a claim is ahead, as of late."""
        now = asyncio.get_running_loop().time()
        rate = self._over / max(now - self._counted_since, _AHEAD_SECONDS / 10)
        self._over, self._counted_since = 0, now
        return min(_MOST_AHEAD, round(rate * _AHEAD_SECONDS))

    async def _claim(self, wanted: int, *, suspects: bool = False) -> None:
        tools, models = self._tools, self._models()
        for work in self._share.ordered(await tools.claims.work(models, suspects=suspects)):
            limit = await tools.holders.room(work.key_id, self.name, most=wanted)
            claimed = await tools.claims.take(work, models, limit=limit, suspects=suspects) if limit else []
            for claim in claimed:
                self._ready.append(_Ready(work, claim, LineDelivery(work.endpoint, batch_id=work.batch_id)))
            if len(self._ready) >= wanted or (suspects and claimed):
                return

    async def _read(self) -> None:
        """Read the bodies of the next lines."""
        work, size, next_ = self._ready[0].work, 0, list[_Ready]()
        for ready in self._ready:
            size += ready.claim.size
            if ready.work.blob != work.blob or (next_ and size > _READ_BYTES):
                break
            next_.append(ready)
        claims = [ready.claim for ready in next_]
        parts = await self._tools.blobs.ranges(
            work.blob, [claim.position for claim in claims], [claim.size for claim in claims]
        )
        for ready, part in zip(next_, parts, strict=True):
            ready.given = part

    def _begin(self, ready: _Ready) -> None:
        self._alone = ready.claim.suspect
        task = asyncio.create_task(self._work(ready), name="line of a batch")
        self._running[task] = ready
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        ready = self._running.pop(task)
        self._alone = False
        self._over += 1
        self._wake.set()
        self._tools.requests.receipts.take(ready.claim.request_id)  # of a line that was dropped
        if not task.cancelled() and (error := task.exception()):
            log.error("a line of %s failed", ready.work.batch_id, exc_info=error)
            self._fail(ready, InternalError("Something went wrong on our side; the log has the details."))

    async def _work(self, ready: _Ready) -> None:
        tools, claim = self._tools, ready.claim
        try:
            with tools.holders.running(ready.work.key_id):
                body = await self._answered(ready)
        except EngineError as error:
            self._broke(ready, error)
        except (NeverFits, InsufficientQuota) as error:
            self._fail(ready, error)
        except RateLimited as error:
            tools.holders.wait(ready.work.key_id, error.retry_after)
            self._give_back(ready)
        except Unavailable as error:
            self._pause(min(error.retry_after or _PAUSE_SECONDS, _PAUSE_SECONDS))
            self._give_back(ready)
        except ApiError as error:
            self._fail(ready, error)
        else:
            row = tools.requests.receipts.take(claim.request_id)
            if row is not None:
                self._share.used(ready.work.account_id, row.prompt_tokens + row.completion_tokens)
            tools.results.add(Done(claim, 200, body.decode(), row))

    async def _answered(self, ready: _Ready) -> bytes:
        while True:
            caller = await self._tools.holders.find(ready.work.key_id)
            try:
                return await self._tools.requests.run(
                    ready.given, caller, delivery=ready.delivery, request_id=ready.claim.request_id
                )
            except PutBack:
                continue  # somebody waited for an answer; the line waits for its place anew

    def _broke(self, ready: _Ready, error: EngineError) -> None:
        """An engine died under a line, or gave nonsense: whose fault it was shows when the line runs alone."""
        claim = ready.claim
        deaths = claim.deaths + 1 if claim.suspect else 0
        if deaths >= MOST_DEATHS:
            self._fail(ready, error)
            return
        self._tools.requests.receipts.take(claim.request_id)
        self._tools.results.add(Back(claim, suspect=True, deaths=deaths))

    def _give_back(self, ready: _Ready) -> None:
        self._tools.requests.receipts.take(ready.claim.request_id)
        self._tools.results.add(Back(ready.claim, suspect=ready.claim.suspect, deaths=ready.claim.deaths))

    def _fail(self, ready: _Ready, error: ApiError) -> None:
        row = self._tools.requests.receipts.take(ready.claim.request_id)
        self._tools.results.add(Done(ready.claim, error.status, envelope(error).decode(), row))
