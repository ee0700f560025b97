"""Files: each belongs to one account, and is there whole or not at all."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.batches.batch import OVER
from penstock.batches.blobs import Blobs, Writer
from penstock.batches.file import OUTPUT_SECONDS, SHOWN, File, blob_of, clean_filename, new_file_id
from penstock.batches.quota import kept_bytes, refuse_beyond
from penstock.database.connection import Database
from penstock.database.tables import batches, files
from penstock.errors import InvalidRequest, NotFound, RequestTooLarge, ServerOverloaded, StorageAway
from penstock.protocol.files import MOST_BYTES, Purpose
from penstock.tenants.names import looks_like_id
from penstock.tenants.paging import Page, read_page

LONGEST_PAGE = 10_000
MOST_UPLOADS = 32
"""At once on one server: each has a few megabytes in memory."""
MOST_UPLOADS_OF_ONE = 8
"""The same, of one account."""

_MOST_USES = 1000
"""Batches that are looked through for a page of files."""
_SHOWN_USES = 3
_RETRY_SECONDS = 5

FileSort = Literal["created_at", "filename", "bytes", "expires_at"]
_SORTS: dict[FileSort, ColumnElement[Any]] = {
    "created_at": files.c.created_at,
    "filename": func.lower(files.c.filename),
    "bytes": files.c.bytes,
    "expires_at": func.coalesce(files.c.expires_at, 1e12),
}


@dataclass(frozen=True)
class Told:
    """What is said of a file beside its body."""

    filename: str
    expires_after_seconds: int | None = None


class Upload:
    """A body on its way into the store."""

    def __init__(self, writer: Writer, counted: Callable[[int], None]) -> None:
        self._writer = writer
        self._counted = counted
        self.size = 0

    async def write(self, part: bytes) -> None:
        """Raises RequestTooLarge, InsufficientQuota or StorageAway."""
        self.size += len(part)
        if self.size > MOST_BYTES:
            raise RequestTooLarge(f"A file may have {MOST_BYTES:,} bytes at most.", param="file")
        self._counted(len(part))
        await self._writer.write(part)


class Files:
    """The files of this server. To one account, what another has is like what nobody has."""

    def __init__(self, database: Database, blobs: Blobs, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._blobs = blobs
        self._now = now
        self._uploads = Counter[str]()
        self._coming = Counter[str]()

    async def create(
        self,
        account_id: str,
        fill: Callable[[Upload], Awaitable[Told]],
        *,
        quota: int | None,
        project_id: str | None = None,
    ) -> File:
        """A file of what `fill` writes. If anything goes wrong, there is none, and nothing of it in the store.

        Raises what `fill` does, what `Upload.write` does, InvalidRequest for an empty file, ServerOverloaded.
        """
        file_id = new_file_id()
        blob = blob_of(file_id)
        kept = await self._kept(account_id)
        with self._coming_in(account_id, quota, kept) as counted:
            async with self._blobs.writing(blob) as writer:
                upload = Upload(writer, counted)
                told = await fill(upload)
                if not upload.size:
                    raise InvalidRequest("The file is empty.", param="file")
            now = self._now()
            life = told.expires_after_seconds
            file = File(
                id=file_id,
                account_id=account_id,
                project_id=project_id,
                filename=clean_filename(told.filename),
                purpose="batch",
                bytes=upload.size,
                created_at=now,
                expires_at=None if life is None else now + life,
                blob=blob,
            )
            await self._keep(file, quota)
        return file

    async def _kept(self, account_id: str) -> int:
        async with self._database.read() as connection:
            return await kept_bytes(connection, account_id)

    @contextmanager
    def _coming_in(self, account_id: str, quota: int | None, kept: int) -> Iterator[Callable[[int], None]]:
        """Counts the bytes of one upload in with those of others of the account that are under way here."""
        if self._uploads.total() >= MOST_UPLOADS or self._uploads[account_id] >= MOST_UPLOADS_OF_ONE:
            raise ServerOverloaded("Too many files are being uploaded. Try again soon.", retry_after=_RETRY_SECONDS)
        came = 0

        def counted(size: int) -> None:
            nonlocal came
            refuse_beyond(quota, kept, self._coming[account_id] + size)
            came += size
            self._coming[account_id] += size

        self._uploads[account_id] += 1
        try:
            yield counted
        finally:
            for counter, amount in ((self._uploads, 1), (self._coming, came)):
                counter[account_id] -= amount
                if not counter[account_id]:
                    del counter[account_id]

    async def _keep(self, file: File, quota: int | None) -> None:
        """Add the row; the body is there already, and does not stay without it."""
        row: Literal["none", "unknown", "there"] = "none"
        try:
            async with self._database.write() as connection:
                refuse_beyond(quota, await kept_bytes(connection, file.account_id), file.bytes)
                await connection.execute(files.insert().values(file.__dict__))
                row = "unknown"  # should the commit fail
            row = "there"
        finally:
            if row != "there":
                # What cannot be removed now, or must not as long as nothing is known, the janitor finds.
                with suppress(SQLAlchemyError, StorageAway):
                    if row == "none" or not await self._has_row(file):
                        await self._blobs.delete(file.blob)

    async def _has_row(self, file: File) -> bool:
        # As the writer, so that a commit whose end was not told is over.
        async with self._database.write() as connection:
            found = await connection.execute(select(files.c.id).where(files.c.id == file.id))
            return found.one_or_none() is not None

    async def get(self, account_id: str, file_id: str) -> File:
        """Raises NotFound."""
        if not looks_like_id(file_id):
            raise _not_found()
        async with self._database.read() as connection:
            query = select(*SHOWN).where(files.c.id == file_id, *self._there(account_id))
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise _not_found()
        return File(*row)

    async def page(
        self,
        account_id: str,
        *,
        purpose: Purpose | None = None,
        after: str | None = None,
        limit: int = LONGEST_PAGE,
        oldest_first: bool = False,
        sort: FileSort = "created_at",
        search: str = "",
    ) -> Page[File]:
        """The files of one account; `search` is part of a name. Raises InvalidRequest for an unknown cursor."""
        conditions = self._there(account_id)
        if search:
            conditions.append(func.lower(files.c.filename).contains(search.lower(), autoescape=True))
        if purpose is not None:
            conditions.append(files.c.purpose == purpose)
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*SHOWN),
                files,
                *conditions,
                after=after,
                limit=limit,
                by=_SORTS[sort],
                most=LONGEST_PAGE,
                oldest_first=oldest_first,
            )
        return Page([File(*row) for row in page.rows], page.has_more)

    async def uses(self, account_id: str, file_ids: Sequence[str]) -> dict[str, list[str]]:
        """File -> the newest batches that read it or wrote it, three at most."""
        columns = (batches.c.input_file_id, batches.c.output_file_id, batches.c.error_file_id)
        of_these = or_(*(column.in_(file_ids) for column in columns))
        query = select(batches.c.id, *columns).where(batches.c.account_id == account_id, of_these)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(batches.c.created_at.desc()).limit(_MOST_USES))
            found: dict[str, list[str]] = {file_id: [] for file_id in file_ids}
            for batch_id, *used in rows:
                for file_id in found.keys() & set(used):
                    if len(found[file_id]) < _SHOWN_USES:
                        found[file_id].append(batch_id)
        return found

    def _there(self, account_id: str) -> list[ColumnElement[bool]]:
        """Of a file that this account has."""
        lives = or_(files.c.expires_at.is_(None), files.c.expires_at > self._now())
        return [files.c.account_id == account_id, files.c.deleted_at.is_(None), lives]

    async def read(self, file: File) -> AsyncGenerator[bytes, None]:
        """The body in parts. Raises StorageAway, also where the store has not all of it."""
        left = file.bytes
        async with aclosing(self._blobs.read(file.blob)) as parts:
            async for part in parts:
                left -= len(part)
                yield part
        if left:
            raise StorageAway("The body of this file is damaged. Upload it anew.", retry_after=_RETRY_SECONDS)

    async def delete(self, account_id: str, file_id: str) -> None:
        """Nobody finds it any more; its body is there for as long as a batch needs it. Raises NotFound."""
        file = await self.get(account_id, file_id)
        async with self._database.write() as connection:
            gone = update(files).where(files.c.id == file_id, *self._there(account_id)).values(deleted_at=self._now())
            if not (await connection.execute(gone)).rowcount:
                raise _not_found()
            free = select(files.c.id).where(files.c.id == file_id, ~is_read())
            is_free = (await connection.execute(free)).one_or_none() is not None
        if is_free:
            with suppress(SQLAlchemyError, StorageAway):  # then the janitor does it
                await self._blobs.delete(file.blob)
                async with self._database.write() as connection:
                    await connection.execute(delete(files).where(files.c.id == file_id))


def is_read() -> ColumnElement[bool]:
    """Of a row of `files`: whether a batch that is not over has it as its input."""
    return select(batches.c.id).where(batches.c.input_file_id == files.c.id, batches.c.status.not_in(OVER)).exists()


async def add_output(
    connection: AsyncConnection,
    file_id: str,
    *,
    account_id: str,
    project_id: str | None,
    filename: str,
    size: int,
    now: float,
) -> File:
    """Add the row of a batch's output to somebody's transaction; its body is there already, as `blob_of(file_id)`."""
    file = File(
        id=file_id,
        account_id=account_id,
        project_id=project_id,
        filename=clean_filename(filename),
        purpose="batch_output",
        bytes=size,
        created_at=now,
        expires_at=now + OUTPUT_SECONDS,
        blob=blob_of(file_id),
    )
    await connection.execute(files.insert().values(file.__dict__))
    return file


def _not_found() -> NotFound:
    return NotFound("There is no such file.")
