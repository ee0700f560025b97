"""The database: many readers, one writer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
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
            parsed = make_url(url)
        except ArgumentError as error:
            raise OperatorError("The database URL cannot be read; it looks like sqlite+aiosqlite:////path.") from error
        if parsed.get_backend_name() != "sqlite":
            raise OperatorError("This version keeps its data in SQLite only; leave database_url out.")
        if parsed.database in (None, "", ":memory:"):
            raise OperatorError("The database must be a file: sqlite+aiosqlite:////path, or leave database_url out.")
        self._url = parsed.set(drivername="sqlite+aiosqlite")
        self._engine: AsyncEngine | None = None
        # SQLite has one writer at a time. Waiting here, in order, is fairer than its busy handler, and one writer is
        # what keeps clear of the WAL-reset bug of versions 3.7.0 to 3.51.2.
        self._writing = asyncio.Lock()

    async def connect(self) -> None:
        """Open the database, making its folder where there is none. Raises OperatorError where that cannot be."""
        try:
            await asyncio.to_thread(self._path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror) from error
        # Without parameters, as an error may be logged and a row may hold what no log should.
        self._engine = create_async_engine(self._url, hide_parameters=True)
        event.listen(self._engine.sync_engine, "connect", _configure)
        try:
            with self.faults_told():
                async with self.read() as connection:
                    await connection.execute(text("SELECT 1"))
        except OperatorError:
            await self.close()
            raise

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    @property
    def _path(self) -> Path:
        return Path(self._url.database or "")

    @contextmanager
    def faults_told(self) -> Iterator[None]:
        """For commands and the start of a server: a database that cannot be used in the block is an OperatorError."""
        try:
            yield
        except DBAPIError as error:
            raise self._unusable(error.orig) from error

    def _unusable(self, reason: object) -> OperatorError:
        return OperatorError(
            f"The database {self._path} cannot be opened or written: {reason}. Choose another folder with --data-dir."
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with, from one state of the database; nothing it does is kept."""
        assert self._engine is not None, "connect first"
        async with self._engine.connect() as connection:
            # Without a transaction of its own a statement that writes would be committed at once.
            await connection.exec_driver_sql("BEGIN")
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
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
