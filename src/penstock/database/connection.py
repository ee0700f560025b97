"""The database: many readers, one writer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from penstock.errors import OperatorError

_BUSY_MS = 5000


class Database:
    """A database by its SQLAlchemy URL. Borrow a connection, use it, give it back: never hold one over a wait."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise OperatorError("The database URL cannot be read; it looks like sqlite+aiosqlite:////path.") from error
        if self._url.get_backend_name() != "sqlite":
            raise OperatorError("This version keeps its data in SQLite only; leave database_url out.")
        self._engine: AsyncEngine | None = None
        # SQLite has one writer at a time. Waiting here, in order, is fairer than its busy handler, and one writer is
        # what keeps clear of the WAL-reset bug of versions 3.7.0 to 3.51.2.
        self._writing = asyncio.Lock()

    async def connect(self) -> None:
        """Open the database, making its folder where there is none. Raises OperatorError where that cannot be."""
        assert self._url.database is not None
        path = Path(self._url.database)
        try:
            await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            self._engine = create_async_engine(self._url)
            event.listen(self._engine.sync_engine, "connect", _configure)
            async with self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (OSError, DBAPIError) as error:
            await self.close()
            reason = error.strerror if isinstance(error, OSError) else str(error.orig)
            raise OperatorError(
                f"The database {path} cannot be opened: {reason}. Choose another folder with --data-dir."
            ) from error

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; nothing it does is kept."""
        assert self._engine is not None, "connect first"
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """The one connection that may write, in a transaction that is kept if the block ends well."""
        assert self._engine is not None, "connect first"
        async with self._writing, self._engine.connect() as connection:
            # At once, and not at the first write: a transaction that turns from reader to writer can fail half way.
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            await connection.commit()


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, not by the driver's guess
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
