"""What nobody needs any more: files that have expired, bodies of deleted ones, and bodies that no file has."""

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from penstock.batches.blobs import Blobs
from penstock.batches.file import is_blob
from penstock.batches.files import is_read
from penstock.batches.staging import ABANDONED_SECONDS, Staging
from penstock.database.connection import Database
from penstock.database.tables import accounts, files
from penstock.errors import StorageAway

log = logging.getLogger(__name__)

OWNER_NAME = "penstock.owner"
"""The body that says to which database the store belongs: the id of its first account."""

_PORTION = 50
"""Rows that are changed in one transaction."""
_REST_SECONDS = 0.05
_LEFT_OVER_SECONDS = 86_400.0
_MOST_SUSPECTS = 10_000


class Janitor:
    """Sweeps every minute, and looks through the whole store every hour. Several servers may each have one."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        staging: Staging | None,
        *,
        now: Callable[[], float] = time.time,
        again_after_seconds: float = 60.0,
        look_through_seconds: float = 3600.0,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._staging = staging
        self._now = now
        self._again_after_seconds = again_after_seconds
        self._look_through_seconds = look_through_seconds
        self._suspects: set[str] = set()
        self._from = ""
        """The id behind which it goes on with deleted files."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        looked = -self._look_through_seconds
        while True:
            await asyncio.sleep(self._again_after_seconds)
            try:
                await self.sweep()
                if time.monotonic() - looked >= self._look_through_seconds:
                    looked = time.monotonic()
                    await self.look_through()
            except SQLAlchemyError as error:
                log.warning("files cannot be cleared away: %s", str(error).partition("\n")[0])
            except (StorageAway, OSError):
                log.warning("bodies of files could not be removed; the next sweep goes on behind them")

    async def sweep(self) -> None:
        """End what has expired, and remove what was deleted and no batch reads. Raises SQLAlchemyError, StorageAway."""
        while await self._expire():
            pass
        while await self._remove():
            pass

    async def _expire(self) -> int:
        now = self._now()
        due = select(files.c.id).where(files.c.expires_at <= now, files.c.deleted_at.is_(None)).limit(_PORTION)
        async with self._database.write() as connection:
            ended = await connection.execute(update(files).where(files.c.id.in_(due)).values(deleted_at=now))
        await asyncio.sleep(_REST_SECONDS)  # so that other writers get their turn
        return ended.rowcount

    async def _remove(self) -> int:
        query = select(files.c.id, files.c.blob).where(files.c.deleted_at.is_not(None), files.c.id > self._from)
        async with self._database.read() as connection:
            found = list(await connection.execute(query.where(~is_read()).order_by(files.c.id).limit(_PORTION)))
        removed = []
        try:
            for id_, blob in found:
                self._from = id_  # so that one that cannot be removed does not keep all others
                await self._blobs.delete(blob)
                removed.append(id_)
        finally:
            if removed:
                async with self._database.write() as connection:
                    await connection.execute(delete(files).where(files.c.id.in_(removed)))
        if not found:
            self._from = ""
        await asyncio.sleep(_REST_SECONDS)
        return len(found)

    async def look_through(self) -> None:
        """Remove bodies, older than a day, that had no row now and none when this was done before.

        A body whose row is about to be made is younger, also where the clock was set. Raises SQLAlchemyError,
        StorageAway.
        """
        if self._staging is not None:
            await asyncio.to_thread(self._staging.clear, older_than=self._now() - ABANDONED_SECONDS)
        if not await self._is_ours():
            return
        suspects: set[str] = set()
        portion: list[str] = []
        async for blob in self._blobs.all():
            if is_blob(blob.name) and blob.written_at < self._now() - _LEFT_OVER_SECONDS:
                portion.append(blob.name)
            if len(portion) == _PORTION:
                suspects |= await self._without_row(portion)
                portion = []
        suspects |= await self._without_row(portion)
        left_over = suspects & self._suspects
        for name in left_over:
            await self._blobs.delete(name)
        if left_over:
            log.warning("%d bodies that belong to no file have been removed", len(left_over))
        self._suspects = set(sorted(suspects - left_over)[:_MOST_SUSPECTS])

    async def _without_row(self, names: list[str]) -> set[str]:
        async with self._database.read() as connection:
            known = await connection.execute(select(files.c.blob).where(files.c.blob.in_(names)))
            return set(names).difference(known.scalars())

    async def _is_ours(self) -> bool:
        """Whether the store belongs to this database: of two that share one, each would remove what the other has."""
        async with self._database.read() as connection:
            first = select(accounts.c.id).order_by(accounts.c.created_at, accounts.c.id).limit(1)
            own: str | None = (await connection.execute(first)).scalar_one_or_none()
        if own is None:
            return False
        owner = (await self._blobs.note(OWNER_NAME, own.encode())).decode(errors="replace")
        if owner != own:
            log.warning(
                "the store of files belongs to another database: bodies without a file are left in it. If that"
                " database is gone, remove %s from the store",
                OWNER_NAME,
            )
        return owner == own
