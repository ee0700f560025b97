"""Why lines of a batch failed: their errors, grouped by what they say and counted."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import func, or_, select

from penstock.batches.batch import Batch
from penstock.batches.batches import Batches
from penstock.batches.files import Files
from penstock.batches.lines import LineSplitter, Span
from penstock.database.connection import Database
from penstock.database.tables import batch_lines
from penstock.errors import NotFound

MOST_GROUPS = 100
MOST_BYTES = 64 << 20
"""Of an error file that are looked through; 50,000 lines have a quarter of it, as a rule."""

_MOST_KEPT = 2000
"""Different messages in memory at once."""
_EXAMPLES = 3
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Failure:
    """Lines that failed for the same reason."""

    code: str
    message: str
    status: int | None
    """Of the answer; None where there was none."""
    count: int
    lines: list[int]
    """The numbers of the first ones in the input, three at most."""


@dataclass(frozen=True)
class Summary:
    """All of them, the most frequent first."""

    failures: list[Failure]
    others: int
    """Lines that failed for reasons beyond the 100 that are told."""
    whole: bool
    """Whether all that failed so far was looked at."""


class _Said(msgspec.Struct):
    code: str | None = None
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Said | None = None


class _Response(msgspec.Struct):
    status_code: int
    body: _Refusal


class _ErrorLine(msgspec.Struct):
    """As much of a line of an error file as matters here."""

    id: str
    response: _Response | None = None
    error: _Said | None = None


_Reason = tuple[str, str, int | None]


@dataclass
class _Group:
    count: int = 0
    lines: list[int] = field(default_factory=list)


class Failures:
    """Looks through what failed, of one batch at a time: it takes memory and a processor."""

    def __init__(self, database: Database, batches: Batches, files: Files) -> None:
        self._database = database
        self._batches = batches
        self._files = files
        self._turn = asyncio.Semaphore(1)

    async def of(self, account_id: str, batch_id: str) -> Summary:
        """Raises NotFound where the account has no such batch, or StorageAway."""
        batch = await self._batches.get(account_id, batch_id)
        async with self._turn:
            if batch.errors is not None:
                return _of_validation(batch)
            if batch.error_file_id is not None:
                return await self._of_file(batch, batch.error_file_id)
            return await self._of_lines(batch)

    async def _of_lines(self, batch: Batch) -> Summary:
        """Of a batch under way, whose lines the database groups."""
        failed = or_(batch_lines.c.status.is_(None), batch_lines.c.status >= 400)
        counted = func.count()
        query = (
            select(batch_lines.c.status, batch_lines.c.result, counted, func.min(batch_lines.c.line))
            .where(batch_lines.c.batch_id == batch.id, batch_lines.c.state == "done", failed)
            .group_by(batch_lines.c.status, batch_lines.c.result)
            .order_by(counted.desc())
            .limit(_MOST_KEPT)
        )
        groups = _Groups()
        async with self._database.read() as connection:
            for status, result, count, first in await connection.execute(query):
                groups.add(_reason(status, (result or "").encode()), count, first)
        told = groups.told()
        return _summary(told, whole=len(told) < _MOST_KEPT)

    async def _of_file(self, batch: Batch, file_id: str) -> Summary:
        try:
            file = await self._files.get(batch.account_id, file_id)
        except NotFound:  # it has expired, or was deleted
            return Summary([], batch.failed, whole=False)
        splitter, groups, size = LineSplitter(), _Groups(), 0
        async with aclosing(self._files.read(file)) as parts:
            async for part in parts:
                await asyncio.to_thread(groups.take, splitter, part)
                size += len(part)
                if size > MOST_BYTES:
                    return _summary(groups.told(), whole=False)
        groups.take_all(splitter.finish())
        return _summary(groups.told(), whole=True)


class _Groups:
    """Reasons and how often each was met; those beyond so many are counted together."""

    def __init__(self) -> None:
        self._found: dict[_Reason, _Group] = {}
        self._beyond = 0

    def add(self, reason: _Reason, count: int, line: int) -> None:
        group = self._found.get(reason)
        if group is None:
            if len(self._found) >= _MOST_KEPT:
                self._beyond += count
                return
            group = self._found[reason] = _Group()
        group.count += count
        if len(group.lines) < _EXAMPLES:
            group.lines.append(line)

    def take(self, splitter: LineSplitter, part: bytes) -> None:
        self.take_all(splitter.feed(part))

    def take_all(self, spans: Iterable[Span]) -> None:
        for span in spans:
            if span.text is None:
                continue
            line = msgspec.json.decode(span.text, type=_ErrorLine)
            status = None if line.response is None else line.response.status_code
            said = line.error if line.response is None else line.response.body.error
            self.add(_named(said, status), 1, int(line.id.rpartition("_")[2]))

    def told(self) -> list[Failure]:
        """All, and what is beyond them as the last, without a code."""
        failures = [Failure(*reason, group.count, group.lines) for reason, group in self._found.items()]
        failures.sort(key=lambda failure: (-failure.count, failure.lines))
        return [*failures, Failure("", "", None, self._beyond, [])] if self._beyond else failures


def _summary(told: list[Failure], *, whole: bool) -> Summary:
    shown = [failure for failure in told[:MOST_GROUPS] if failure.lines]
    return Summary(shown, sum(failure.count for failure in told) - sum(failure.count for failure in shown), whole)


def _of_validation(batch: Batch) -> Summary:
    groups = _Groups()
    for fault in batch.errors or []:
        groups.add((fault["code"], fault["message"], None), 1, fault.get("line") or 0)
    return _summary(groups.told(), whole=True)


def _reason(status: int | None, result: bytes) -> _Reason:
    if status is None:
        return _named(msgspec.json.decode(result, type=_Said), None)
    return _named(msgspec.json.decode(result, type=_Refusal).error, status)


def _named(said: _Said | None, status: int | None) -> _Reason:
    said = said or _Said()
    return said.code or "", said.message[:_LONGEST_MESSAGE], status
