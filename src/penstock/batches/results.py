"""What came of lines, on its way into the database: with the ledger's rows and the batch's counts, or not at all."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.batches.claims import Claim
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

log = logging.getLogger(__name__)

_GROUP = 500
_GROUP_BYTES = 8 << 20
_GATHER_SECONDS = 0.02


@dataclass(frozen=True)
class Done:
    """A line that is over: the status and body of its answer, or of its error; `row` is what it used."""

    claim: Claim
    status: int
    body: str
    row: UsageRecord | None

    @property
    def failed(self) -> bool:
        return self.status >= 400


@dataclass(frozen=True)
class Back:
    """A line that is to run again; `suspect` and `deaths` are what they are from now on."""

    claim: Claim
    suspect: bool
    deaths: int


Result = Done | Back
T = TypeVar("T")

_LINE = and_(
    batch_lines.c.batch_id == bindparam("of_batch"),
    batch_lines.c.line == bindparam("of_line"),
)
_FINISH = (
    update(batch_lines)
    .where(_LINE)
    .values(state="done", runner_id=None, status=bindparam("its_status"), result=bindparam("its_result"))
)
_RETURN = (
    update(batch_lines)
    .where(_LINE)
    .values(state="waiting", runner_id=None, suspect=bindparam("its_suspicion"), deaths=bindparam("its_deaths"))
)
_TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")


class Results:
    """Takes results at any time, and commits those that wait as one group after the other.

    A result counts only where its claim still holds: the line runs for this runner, and nobody claimed it since. The
    result, the row of the ledger and the counts of its batch are one transaction, so a line is over and billed, or
    neither. While the database is away results wait in memory: if the process ends, those lines run again.
    """

    def __init__(
        self,
        database: Database,
        runner_id: str,
        *,
        counted: Callable[[Sequence[UsageRecord]], None] = lambda _: None,
        finished: Callable[[], None] = lambda: None,
        retry_seconds: float = 1.0,
    ) -> None:
        """`counted` is told of the rows that are in the ledger, `finished` that a batch has no line left to run."""
        self._database = database
        self._runner_id = runner_id
        self._counted = counted
        self._finished = finished
        self._retry_seconds = retry_seconds
        self._waiting: deque[Result] = deque()
        self._arrived = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def add(self, result: Result) -> None:
        """Never waits and never fails."""
        self._waiting.append(result)
        self._arrived.set()
        self._written.clear()

    @property
    def waiting(self) -> int:
        """Results that are not in the database yet."""
        return len(self._waiting)

    async def flushed(self) -> None:
        """Wait until everything that was added is committed."""
        await self._written.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHER_SECONDS)  # a few more come within so short a time
            try:
                await self._commit_next()
            except SQLAlchemyError as error:
                reason = str(error).partition("\n")[0]
                log.warning("results of batches cannot be written, %d wait: %s", len(self._waiting), reason)
                await asyncio.sleep(self._retry_seconds)

    async def _commit_next(self) -> None:
        group = self._group()
        async with self._database.write() as connection:
            rows, over = await self._write(connection, group)
        for _ in group:
            self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
            self._written.set()
        self._counted(rows)
        if over:
            self._finished()

    def _group(self) -> list[Result]:
        group: list[Result] = []
        size = 0
        for result in self._waiting:
            size += len(result.body) if isinstance(result, Done) else 0
            if group and (len(group) == _GROUP or size > _GROUP_BYTES):
                break
            group.append(result)
        return group

    async def _write(self, connection: AsyncConnection, group: list[Result]) -> tuple[list[UsageRecord], bool]:
        held = await self._held(connection, [result.claim for result in group])
        good = {result.claim: result for result in reversed(group) if result.claim in held}  # the first one counts
        done = [result for result in good.values() if isinstance(result, Done)]
        back = [result for result in good.values() if isinstance(result, Back)]
        if done:
            await connection.execute(_FINISH, [_finishing(result) for result in done])
        if back:
            await connection.execute(_RETURN, [_returning(result) for result in back])
        rows = [result.row for result in done if result.row is not None]
        await settle(connection, rows)
        by_batch = _grouped(done, lambda result: result.claim.batch_id)
        over = [await _count(connection, batch_id, results) for batch_id, results in by_batch.items()]
        return rows, any(over)

    async def _held(self, connection: AsyncConnection, claims: list[Claim]) -> set[Claim]:
        """Those of the claims that still hold, locked so that nobody takes them before this transaction ends."""
        wanted = [
            and_(batch_lines.c.batch_id == batch_id, batch_lines.c.line.in_([claim.line for claim in each]))
            for batch_id, each in _grouped(claims, lambda claim: claim.batch_id).items()
        ]
        query = select(batch_lines.c.batch_id, batch_lines.c.line, batch_lines.c.generation).where(
            or_(*wanted), batch_lines.c.runner_id == self._runner_id, batch_lines.c.state == "running"
        )
        found = {tuple(row) for row in await connection.execute(query.with_for_update())}
        return {claim for claim in claims if (claim.batch_id, claim.line, claim.generation) in found}


def _finishing(result: Done) -> dict[str, object]:
    claim = result.claim
    return {"of_batch": claim.batch_id, "of_line": claim.line, "its_status": result.status, "its_result": result.body}


def _returning(result: Back) -> dict[str, object]:
    claim, suspicion, deaths = result.claim, result.suspect, result.deaths
    return {"of_batch": claim.batch_id, "of_line": claim.line, "its_suspicion": suspicion, "its_deaths": deaths}


async def _count(connection: AsyncConnection, batch_id: str, results: list[Done]) -> bool:
    """Add results to their batch; whether it has no line left to run."""
    failed = sum(result.failed for result in results)
    rows = [result.row for result in results if result.row is not None]
    tokens = {name: batches.c[name] + sum(getattr(row, name) for row in rows) for name in _TOKENS}
    counting = (
        update(batches)
        .where(batches.c.id == batch_id)
        .values(completed=batches.c.completed + len(results) - failed, failed=batches.c.failed + failed, **tokens)
        .returning(batches.c.completed + batches.c.failed >= batches.c.total)
    )
    return bool((await connection.execute(counting)).scalar_one())


def _grouped(items: Iterable[T], batch_of: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(batch_of(item), []).append(item)
    return found
