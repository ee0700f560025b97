"""Looks at the whole input of a batch before anything of it runs."""

import asyncio
import time
from collections.abc import Sequence
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

_PART_BYTES = 1 << 20
"""Read and looked at in one go."""
_ROWS = 2000
"""In one transaction; other writers get their turn in between."""
_ROWS_OF_STATEMENT = 200


class Validation:
    """Turns the input of a batch into its lines."""

    def __init__(self, database: Database, blobs: Blobs, callers: Callers) -> None:
        self._database = database
        self._blobs = blobs
        self._callers = callers

    async def run(self, batch: Batch, runner_id: str) -> None:
        """Validate a batch that this runner has claimed: it is `in_progress` then with its lines, or `failed`.

        Raises Fenced where another has claimed it since, or it was cancelled; StorageAway or SQLAlchemyError. Whoever
        claims it next begins anew.
        """
        reader = await self._reader(batch)
        await self._remove_lines(batch, runner_id)
        waiting: list[Line] = []
        models: set[str] = set()
        async for part in self._blobs.read(await self._blob(batch), part_bytes=_PART_BYTES):
            waiting += await asyncio.to_thread(reader.feed, part)
            if reader.stopped:
                break
            if reader.faults:
                waiting.clear()  # nothing of it will run
            while len(waiting) >= _ROWS:
                await self._add(batch, runner_id, waiting[:_ROWS], models)
                del waiting[:_ROWS]
        if not reader.stopped:
            waiting += await asyncio.to_thread(reader.finish)
        if reader.faults:
            await self._fail(batch, runner_id, reader)
            return
        for start in range(0, len(waiting), _ROWS):
            await self._add(batch, runner_id, waiting[start : start + _ROWS], models)
        await self._begin(batch, runner_id, reader.count, models)

    async def _reader(self, batch: Batch) -> LineReader:
        """With the bound of whoever made the batch on its lines."""
        try:
            caller = await self._callers.of_key(batch.key_id)
        except InvalidKey:  # each line will fail by that
            return LineReader(batch.endpoint)
        bounds = {subject.limits.batch_lines: subject.id for subject in caller.subjects}
        bounds = {bound: subject_id for bound, subject_id in bounds.items() if bound is not None}
        least = min((bound for bound in bounds if bound is not None), default=MOST_LINES)
        if least >= MOST_LINES:
            return LineReader(batch.endpoint)
        return LineReader(batch.endpoint, most_lines=least, whose=owner_of(bounds[least], caller))

    async def _blob(self, batch: Batch) -> str:
        async with self._database.read() as connection:
            found = await connection.execute(select(files.c.blob).where(files.c.id == batch.input_file_id))
            return str(found.scalar_one())

    async def _remove_lines(self, batch: Batch, runner_id: str) -> None:
        """Those of an earlier try that was broken off."""
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            await connection.execute(delete(batch_lines).where(batch_lines.c.batch_id == batch.id))

    async def _add(self, batch: Batch, runner_id: str, lines: Sequence[Line], models: set[str]) -> None:
        rows = [_row(batch.id, line) for line in lines]
        models.update(line.model for line in lines)
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            # One statement of many rows: psycopg sends a statement for each row otherwise.
            for start in range(0, len(rows), _ROWS_OF_STATEMENT):
                await connection.execute(insert(batch_lines).values(rows[start : start + _ROWS_OF_STATEMENT]))

    async def _fail(self, batch: Batch, runner_id: str, reader: LineReader) -> None:
        await self._remove_lines(batch, runner_id)
        errors = [msgspec.to_builtins(fault) for fault in reader.faults]
        await self._end(batch, runner_id, {"status": "failed", "failed_at": time.time(), "errors": errors})

    async def _begin(self, batch: Batch, runner_id: str, total: int, models: set[str]) -> None:
        model = models.pop() if len(models) == 1 else ""
        begun = {"status": "in_progress", "in_progress_at": time.time(), "total": total, "model": model or None}
        await self._end(batch, runner_id, begun)

    async def _end(self, batch: Batch, runner_id: str, values: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            ending = update(batches).where(batches.c.id == batch.id).values(runner_id=None, **values)
            await connection.execute(ending)


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
