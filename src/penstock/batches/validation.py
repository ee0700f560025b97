"""Looks at the whole input of a batch before anything of it runs."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from penstock.batches.batch import Batch
from penstock.batches.blobs import Blobs
from penstock.batches.fence import check
from penstock.batches.lines import Line, LineReader
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches, files
from penstock.errors import InvalidKey
from penstock.protocol.batches import MOST_LINES
from penstock.tenants.callers import Callers
from penstock.tenants.rules import owner_of

_PART_BYTES = 256 << 10
"""Looked at in one go, in a thread: a few milliseconds."""
_ROWS = 1000
"""In one transaction; other writers get their turn in between. 50,000 took 0.6 s on SQLite and 3 s on PostgreSQL, by
`executemany`: one INSERT of many rows takes 5 s and 10 s, most of it to put the statement together."""
_REMOVED_AT_ONCE = 5000
_LOOK_SECONDS = 1.0
"""So often it is asked whether the batch goes on, while no line of it is written."""


class Validation:
    """Turns the input of a batch into its lines."""

    def __init__(self, database: Database, blobs: Blobs, callers: Callers) -> None:
        self._database = database
        self._blobs = blobs
        self._callers = callers

    async def run(self, batch: Batch, runner_id: str) -> None:
        """Validate a batch that this runner has claimed: it is `in_progress` then with its lines, or `failed`.

        Raises Fenced where another has claimed it since, it was cancelled or its time is up; StorageAway, DatabaseAway
        or SQLAlchemyError. Whoever claims it next begins anew.
        """
        reader = await self._reader(batch)
        await self._remove_lines(batch, runner_id)  # of a try that was broken off
        writing = _Rows(self._database, batch, runner_id)
        async with aclosing(self._blobs.read(await self._blob(batch), part_bytes=_PART_BYTES)) as parts:
            async for part in parts:
                lines = await asyncio.to_thread(reader.feed, part)
                await writing.add([] if reader.faults else lines)  # of a batch that fails nothing will run
                if reader.stopped:
                    break
        last = await asyncio.to_thread(reader.finish)
        if reader.faults:
            await self._remove_lines(batch, runner_id)
            errors = [msgspec.to_builtins(fault) for fault in reader.faults]
            await self._end(batch, runner_id, {"status": "failed", "failed_at": time.time(), "errors": errors})
            return
        await writing.add(last)
        await writing.finish()
        begun = {"status": "in_progress", "in_progress_at": time.time(), "total": reader.count, "model": writing.model}
        await self._end(batch, runner_id, begun)

    async def _reader(self, batch: Batch) -> LineReader:
        """With the bound on its lines of whoever made the batch."""
        try:
            caller = await self._callers.of_key(batch.key_id)
        except InvalidKey:  # each line will fail by that
            return LineReader(batch.endpoint)
        bounds = [(most, each.id) for each in caller.subjects if (most := each.limits.batch_lines) is not None]
        most, subject_id = min(bounds, default=(MOST_LINES, ""))
        if most >= MOST_LINES:
            return LineReader(batch.endpoint)
        return LineReader(batch.endpoint, most_lines=most, whose=owner_of(subject_id, caller))

    async def _blob(self, batch: Batch) -> str:
        async with self._database.read() as connection:
            found = await connection.execute(select(files.c.blob).where(files.c.id == batch.input_file_id))
            return str(found.scalar_one())

    async def _remove_lines(self, batch: Batch, runner_id: str) -> None:
        of_batch = batch_lines.c.batch_id == batch.id
        beyond = select(batch_lines.c.line).where(of_batch).order_by(batch_lines.c.line).offset(_REMOVED_AT_ONCE)
        more = True
        while more:
            async with self._database.write() as connection:
                await check(connection, batch, runner_id)
                next_ = (await connection.execute(beyond.limit(1))).scalar_one_or_none()
                more = next_ is not None
                some = (of_batch, batch_lines.c.line < next_) if more else (of_batch,)
                await connection.execute(delete(batch_lines).where(*some))

    async def _end(self, batch: Batch, runner_id: str, values: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            ending = update(batches).where(batches.c.id == batch.id).values(runner_id=None, **values)
            await connection.execute(ending)


class _Rows:
    """The lines of a batch on their way into the database."""

    def __init__(self, database: Database, batch: Batch, runner_id: str) -> None:
        self._database = database
        self._batch = batch
        self._runner_id = runner_id
        self._waiting: list[Line] = []
        self._models: set[str] = set()
        self._looked_at = time.monotonic()

    @property
    def model(self) -> str | None:
        """The one that all lines name, if that is so."""
        return next(iter(self._models)) or None if len(self._models) == 1 else None

    async def add(self, lines: Sequence[Line]) -> None:
        """Raises Fenced, sooner or later, where the batch is this runner's no more."""
        self._waiting += lines
        while len(self._waiting) >= _ROWS:
            await self._write(self._waiting[:_ROWS])
            del self._waiting[:_ROWS]
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            async with self._database.write() as connection:
                await check(connection, self._batch, self._runner_id)
            self._looked_at = time.monotonic()

    async def finish(self) -> None:
        if self._waiting:
            await self._write(self._waiting)
            self._waiting.clear()

    async def _write(self, lines: Sequence[Line]) -> None:
        # At most so many names as matter to `model`.
        self._models.update(line.model for line in lines if len(self._models) < 2)
        rows = [_row(self._batch.id, line) for line in lines]
        async with self._database.write() as connection:
            await check(connection, self._batch, self._runner_id)
            await connection.execute(insert(batch_lines), rows)
        self._looked_at = time.monotonic()


def _row(batch_id: str, line: Line) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "line": line.number,
        "custom_id": line.custom_id,
        "model": line.model,
        "prefix": line.prefix,
        "position": line.position,
        "size": line.size,
    }
