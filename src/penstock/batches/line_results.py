"""What came of one line of a batch: from the database while the batch runs, from its files once it is over."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from penstock.batches.batch import OVER, Batch
from penstock.batches.batches import Batches
from penstock.batches.files import Files
from penstock.batches.find_line import find_line
from penstock.batches.ids import request_id
from penstock.batches.lines import Span
from penstock.database.connection import Database
from penstock.database.tables import batch_lines
from penstock.errors import NotFound

LineState = Literal["waiting", "running", "done", "not_run", "gone"]


@dataclass(frozen=True)
class LineAnswer:
    """The answer to a line, an error of the API included."""

    status_code: int
    request_id: str
    body: dict[str, Any]


@dataclass(frozen=True)
class LineFailure:
    """Why there is no answer: the batch ended before the line ran, or its input was refused."""

    code: str
    message: str


@dataclass(frozen=True)
class LineResult:
    """What came of a line. `not_run`: nothing, and nothing will; `gone`: its file was deleted or has expired, or it is
    too long to be read."""

    state: LineState
    answer: LineAnswer | None = None
    failure: LineFailure | None = None


class _Output(msgspec.Struct):
    """A line of an output or error file."""

    response: LineAnswer | None = None
    error: LineFailure | None = None


class LineResults:
    """Looks them up, one at a time: a file is read up to the line."""

    def __init__(self, database: Database, batches: Batches, files: Files) -> None:
        self._database = database
        self._batches = batches
        self._files = files
        self._turn = asyncio.Semaphore(1)

    async def of(self, account_id: str, batch_id: str, number: int) -> LineResult:
        """Raises NotFound where the account has no such batch, or StorageAway."""
        batch = await self._batches.get(account_id, batch_id)
        running = await self._while_it_runs(batch, number)
        if running is not None:
            return running
        batch = await self._batches.get(account_id, batch_id)  # it may have ended between the two looks
        if batch.status == "failed":
            return _of_validation(batch, number)
        async with self._turn:
            return await self._of_files(batch, number)

    async def _while_it_runs(self, batch: Batch, number: int) -> LineResult | None:
        own = (batch_lines.c.batch_id == batch.id, batch_lines.c.line == number)
        query = select(batch_lines.c.state, batch_lines.c.status, batch_lines.c.result).where(*own)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        if row.state != "done":
            return LineResult("running" if row.state == "running" else "waiting")
        result = (row.result or "{}").encode()
        if row.status is None:
            return LineResult("done", failure=msgspec.json.decode(result, type=LineFailure))
        body = msgspec.json.decode(result, type=dict[str, Any])
        return LineResult("done", LineAnswer(row.status, request_id(batch.id, number), body))

    async def _of_files(self, batch: Batch, number: int) -> LineResult:
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            try:
                file = await self._files.get(batch.account_id, file_id)
            except NotFound:  # it has expired, or was deleted
                continue
            found = await find_line(self._files, file, lambda span: _number_of(span) >= number)
            if found is not None and found.text is not None and _number_of(found) == number:
                line = msgspec.json.decode(found.text, type=_Output)
                return LineResult("done", line.response, line.error)
        if batch.status not in OVER:
            return LineResult("waiting")
        return LineResult("not_run" if batch.in_progress_at is None else "gone")


def _number_of(span: Span) -> int:
    """As its id has it, which each line of our files begins with; they are in the order of these numbers."""
    if span.text is None:
        return 0
    return int(span.text.split(b'"', 4)[3].rpartition(b"_")[2])


def _of_validation(batch: Batch, number: int) -> LineResult:
    for fault in batch.errors or []:
        if fault.get("line") == number:
            return LineResult("not_run", failure=LineFailure(fault["code"], fault["message"]))
    return LineResult("not_run")
