"""The end of a batch: its output and error files, put together once from what is stored of its lines."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.engine import Row

from penstock.batches.batch import Batch
from penstock.batches.blobs import Blobs, Writer
from penstock.batches.fence import Fenced, check
from penstock.batches.file import blob_of, new_file_id
from penstock.batches.files import add_output
from penstock.batches.ids import line_id, request_id
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches
from penstock.protocol.batches import LineError, LineResponse, OutputLine

_PAGE = 100
"""Lines in memory at once."""
_FORGOTTEN_AT_ONCE = 2000
"""Lines that one transaction removes, so that other writers get their turn."""

_WHY_DROPPED = {
    "expired": LineError(code="batch_expired", message="The completion window ended before this line could run."),
    "cancelled": LineError(code="batch_cancelled", message="The batch was cancelled before this line was done."),
}

_encoder = msgspec.json.Encoder()


@dataclass
class _Sink:
    """A file on its way into the store."""

    file_id: str
    writer: Writer
    size: int = 0

    async def write(self, data: bytes) -> None:
        self.size += len(data)
        await self.writer.write(data)


class Assembly:
    """Brings batches to their end."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def run(self, batch: Batch, runner_id: str) -> None:
        """Bring a batch that this runner has claimed to the end that `ends_as` names.

        Raises Fenced where another has claimed it since, StorageAway or SQLAlchemyError; what was begun is then begun
        anew by whoever claims it next.
        """
        if batch.ends_as != "completed":
            batch = await self._drop(batch, runner_id)
        made = await self._write(batch)
        try:
            await self._finish(batch, runner_id, made)
        except Fenced:
            for sink in made.values():
                await self._blobs.delete(blob_of(sink.file_id))
            raise
        await self.forget(batch.id)

    async def forget(self, batch_id: str) -> None:
        """Remove the lines of a batch that is over."""
        of_batch = batch_lines.c.batch_id == batch_id
        first = select(batch_lines.c.line).where(of_batch).order_by(batch_lines.c.line).limit(_FORGOTTEN_AT_ONCE)
        removing, removed = delete(batch_lines).where(of_batch, batch_lines.c.line.in_(first)), _FORGOTTEN_AT_ONCE
        while removed == _FORGOTTEN_AT_ONCE:
            async with self._database.write() as connection:
                removed = (await connection.execute(removing)).rowcount

    async def _drop(self, batch: Batch, runner_id: str) -> Batch:
        """End the lines that are not done; what runs of them comes too late from now on."""
        of_batch = batch_lines.c.batch_id == batch.id
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            if batch.in_progress_at is None:  # it was being validated, and not all lines are there
                await connection.execute(delete(batch_lines).where(of_batch))
                return batch
            reason = _encoder.encode(_WHY_DROPPED[batch.ends_as or ""]).decode()
            dropping = (
                update(batch_lines)
                .where(of_batch, batch_lines.c.state != "done")
                .values(state="done", runner_id=None, status=None, result=reason)
            )
            dropped = (await connection.execute(dropping)).rowcount
            failed = batches.c.failed + dropped
            counting = update(batches).where(batches.c.id == batch.id).values(failed=failed)
            counts = counting.returning(batches.c.completed, batches.c.failed)
            completed, failed_now = (await connection.execute(counts)).one()
        return replace(batch, completed=completed, failed=failed_now)

    async def _write(self, batch: Batch) -> dict[str, _Sink]:
        """The files that there are, by what they are: `output` and `error`."""
        sinks: dict[str, _Sink] = {}
        async with AsyncExitStack() as stack:
            for what, lines in (("output", batch.completed), ("error", batch.failed)):
                if lines:
                    file_id = new_file_id()
                    writer = await stack.enter_async_context(self._blobs.writing(blob_of(file_id)))
                    sinks[what] = _Sink(file_id, writer)
            async for row in self._lines(batch.id):
                what = "error" if row.status is None or row.status >= 400 else "output"
                await sinks[what].write(_rendered(batch.id, row))
        return sinks

    async def _lines(self, batch_id: str) -> AsyncIterator[Row[tuple[int, str, int | None, str]]]:
        last, columns = 0, [batch_lines.c[name] for name in ("line", "custom_id", "status", "result")]
        query = select(*columns).where(batch_lines.c.batch_id == batch_id).order_by(batch_lines.c.line).limit(_PAGE)
        while True:
            async with self._database.read() as connection:
                page = (await connection.execute(query.where(batch_lines.c.line > last))).all()
            for row in page:
                yield row
            if len(page) < _PAGE:
                return
            last = page[-1].line

    async def _finish(self, batch: Batch, runner_id: str, made: dict[str, _Sink]) -> None:
        assert batch.ends_as is not None
        now = time.time()
        ids = {f"{what}_file_id": sink.file_id for what, sink in made.items()}
        async with self._database.write() as connection:
            await check(connection, batch, runner_id)
            for what, sink in made.items():
                await add_output(
                    connection,
                    sink.file_id,
                    account_id=batch.account_id,
                    project_id=batch.project_id,
                    filename=f"{batch.id}_{what}.jsonl",
                    size=sink.size,
                    now=now,
                )
            ended = {"status": batch.ends_as, f"{batch.ends_as}_at": now, "runner_id": None, **ids}
            await connection.execute(update(batches).where(batches.c.id == batch.id).values(ended))


def _rendered(batch_id: str, row: Row[tuple[int, str, int | None, str]]) -> bytes:
    """One line of a file, with its end."""
    result = row.result.encode()
    response = error = None
    if row.status is None:
        error = msgspec.json.decode(result, type=LineError)
    else:
        asked = request_id(batch_id, row.line)
        response = LineResponse(status_code=row.status, request_id=asked, body=msgspec.Raw(result))
    line = OutputLine(id=line_id(batch_id, row.line), custom_id=row.custom_id, response=response, error=error)
    return _encoder.encode(line) + b"\n"
