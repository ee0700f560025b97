"""The ledger: one row per request, written in groups by one task."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from penstock.database.connection import Database
from penstock.database.tables import usage

log = logging.getLogger(__name__)

# Of the two dialects' constructs for ON CONFLICT, PostgreSQL's is the one that the other's compiler takes too.
SETTLE = insert(usage).on_conflict_do_nothing(index_elements=["request_id"])

_GROUP = 500


@dataclass(frozen=True)
class UsageRecord:
    """What one request used. `created_at` is in seconds since 1970, the spans in milliseconds."""

    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    created_at: float
    status: int
    outcome: str
    """completed, failed, or aborted: the client left, or the server shut down."""
    finish_reason: str | None
    streamed: bool
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    queue_ms: float
    ttft_ms: float | None
    total_ms: float
    project_id: str | None = None
    error_code: str | None = None
    load_ms: float | None = None
    prefill_ms: float | None = None
    decode_ms: float | None = None
    tier: str = "default"
    batch: bool = False
    input_price: int = 0
    """Picos for one token at the time, as the next two and `cost`."""
    cached_input_price: int = 0
    output_price: int = 0
    cost: int = 0


@dataclass(frozen=True)
class ModelTotals:
    """What the requests to one model used together."""

    model: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int


class Ledger:
    """Takes rows at any time and commits those that wait as one group of up to 500, one group after the other.

    A row that was recorded is lost only if the server is killed within the time of one commit, some milliseconds. While
    the database is away rows wait in memory, `most_waiting` of them; beyond that the oldest is given up, with an error
    in the log. So is a row that the database will never take: it must not keep back the rest.
    """

    def __init__(self, database: Database, *, most_waiting: int = 100_000, retry_seconds: float = 1.0) -> None:
        self._database = database
        self._most_waiting = most_waiting
        self._retry_seconds = retry_seconds
        self._waiting: deque[UsageRecord] = deque()
        self._group = _GROUP
        self._arrived = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def record(self, row: UsageRecord) -> None:
        """Settle a request. Never waits and never fails; a second row of the same request changes nothing."""
        self._waiting.append(row)
        self._give_up_oldest()
        self._written.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._arrived.wait()
            group = [self._waiting.popleft() for _ in range(min(self._group, len(self._waiting)))]
            try:
                await self._commit(group)
            except (IntegrityError, DataError, OverflowError, UnicodeEncodeError) as error:
                self._halve(group, error)
            except SQLAlchemyError as error:
                self._put_back(group)
                log.warning("usage cannot be written, %d rows wait: %s", len(self._waiting), _first_line(error))
                await asyncio.sleep(self._retry_seconds)
            else:
                self._group = min(_GROUP, self._group * 2)
            if not self._waiting:
                self._arrived.clear()
                self._written.set()

    async def _commit(self, group: list[UsageRecord]) -> None:
        async with self._database.write() as connection:
            await connection.execute(SETTLE, [row.__dict__ for row in group])

    def _halve(self, group: list[UsageRecord], error: Exception) -> None:
        # One row is at fault: smaller groups find it, and the others get through.
        if len(group) == 1:
            log.error("usage of request %s is lost: %s", group[0].request_id, _first_line(error))
        else:
            self._put_back(group)
            self._group = len(group) // 2

    def _put_back(self, group: list[UsageRecord]) -> None:
        self._waiting.extendleft(reversed(group))
        self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        while len(self._waiting) > self._most_waiting:
            lost = self._waiting.popleft()
            log.error("usage of request %s is lost: the database has been away for too long", lost.request_id)

    async def flushed(self) -> None:
        """Wait until everything that was recorded is committed."""
        await self._written.wait()

    async def rows(self, *, limit: int = 100) -> list[UsageRecord]:
        """The newest rows, newest first."""
        async with self._database.read() as connection:
            found = await connection.execute(select(usage).order_by(usage.c.created_at.desc()).limit(limit))
            return [UsageRecord(*row) for row in found]

    async def totals(self, *, since: float = 0.0) -> list[ModelTotals]:
        """The sums of each model over the requests since `since`, in seconds since 1970; by the model's name."""
        counted = (usage.c.prompt_tokens, usage.c.cached_tokens, usage.c.completion_tokens, usage.c.reasoning_tokens)
        query = select(usage.c.model, func.count(), *map(func.sum, counted)).where(usage.c.created_at >= since)
        async with self._database.read() as connection:
            found = await connection.execute(query.group_by(usage.c.model).order_by(usage.c.model))
            return [ModelTotals(*row) for row in found]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
