"""The database: many readers, one writer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Table, exc, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from penstock.database.dialect import Dialect
from penstock.database.sqlite import Sqlite
from penstock.errors import OperatorError

BLOCK_SECONDS = 30.0
"""How long a block may have its connection."""
TURN_SECONDS = 5.0
"""How long a writer waits for its turn."""
PATIENT_SECONDS = 86_400.0
"""For a migration or a copy, which take as long as they take."""


class Database:
    """A database by its SQLAlchemy URL. Borrow a connection, use it, give it back: never hold one over a wait.

    Where it is away, locked, full or silent, a block raises SQLAlchemyError, and goes well again once that is over.
    """

    def __init__(self, url: str) -> None:
        self._dialect = _dialect_of(url)
        self._engine: AsyncEngine | None = None
        # There is one writer at a time. Waiting here, in order, is fairer than SQLite's busy handler, and one writer is
        # what keeps clear of the WAL-reset bug of versions 3.7.0 to 3.51.2; PostgreSQL has one connection wait.
        self._writing = asyncio.Lock()

    @property
    def shown(self) -> str:
        """What it is called in a message; holds no secret."""
        return self._dialect.shown

    @property
    def kind(self) -> str:
        """The program that keeps it and its version, once connected: `PostgreSQL 17.5`."""
        assert self._engine is not None, "connect first"
        dialect = self._engine.dialect
        name = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[dialect.name]
        return f"{name} {'.'.join(map(str, dialect.server_version_info or ()))}"

    async def size(self) -> int:
        """How many bytes it takes; those that wait in SQLite's log are not counted."""
        async with self.read() as connection:
            return int((await connection.execute(text(self._dialect.sizing))).scalar_one())

    async def connect(self) -> None:
        """Open the database, making its folder where there is none. Raises OperatorError where that cannot be."""
        try:
            await asyncio.to_thread(self._dialect.prepare)
        except OSError as error:
            raise self._unusable(error.strerror) from error
        self._engine = self._dialect.engine()
        try:
            with self.faults_told():
                async with self.read() as connection:
                    await connection.execute(text("SELECT 1"))
                    if reason := await self._dialect.check(connection):
                        raise self._unusable(reason)
        except OperatorError:
            await self.close()
            raise

    async def in_use(self) -> bool:
        """Whether another process has it open, as far as that can be told. To be asked before `connect`."""
        assert self._engine is None, "this process has it open"
        return await asyncio.to_thread(self._dialect.in_use)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    @contextmanager
    def faults_told(self) -> Iterator[None]:
        """For commands and the start of a server: a database that cannot be used in the block is an OperatorError."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._unusable(error.orig) from error
        except exc.TimeoutError as error:
            raise self._unusable(error) from error

    def _unusable(self, reason: object) -> OperatorError:
        told = " ".join(str(reason).split())
        return OperatorError(
            f"The database {self.shown} cannot be opened or written: {told.rstrip('.')}. {self._dialect.advice}"
        )

    @asynccontextmanager
    async def read(self, *, seconds: float = BLOCK_SECONDS) -> AsyncIterator[AsyncConnection]:
        """A connection to read with, from one state of the database; nothing it does is kept.

        A database that gives no answer for `seconds` is one that is away. A file that somebody locked is waited for
        for a second at most.
        """
        async with self._begun(self._dialect.begin_reading(seconds), seconds) as connection:
            yield connection

    @asynccontextmanager
    async def write(
        self, *, wait_seconds: float = TURN_SECONDS, seconds: float = BLOCK_SECONDS
    ) -> AsyncIterator[AsyncConnection]:
        """The one connection that may write, in a transaction that is kept if the block ends well.

        It waits for its turn at most `wait_seconds`, in this process and again for others; the block may then take
        `seconds`.
        """
        async with _within(wait_seconds, "another writer has not ended"):
            await self._writing.acquire()
        try:
            begin = self._dialect.begin_writing(wait_seconds, seconds)
            async with self._begun(begin, wait_seconds + seconds) as connection:
                yield connection
                await connection.commit()
        finally:
            self._writing.release()

    async def fill(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put many rows into a table, on a connection of `write`. Each has every column."""
        await self._dialect.fill(connection, table, rows)

    @asynccontextmanager
    async def _begun(self, begin: list[str], seconds: float) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await self._begin(begin, seconds, stack)
            except exc.DBAPIError as error:
                # It waited in the pool, and the server ended it meanwhile; the whole pool is new now.
                if not error.connection_invalidated:
                    raise
                await stack.aclose()
                connection = await self._begin(begin, seconds, stack)
            yield connection

    async def _begin(self, begin: list[str], seconds: float, stack: AsyncExitStack) -> AsyncConnection:
        assert self._engine is not None, "connect first"
        drivers = stack.enter_context(self._cutting(seconds))
        async with _within(seconds, "it gives no connection"):
            connection = await stack.enter_async_context(self._engine.connect())
        drivers.append((await connection.get_raw_connection()).driver_connection)
        for statement in begin:
            await connection.exec_driver_sql(statement)
        return connection

    @contextmanager
    def _cutting(self, seconds: float) -> Iterator[list[object]]:
        """Cuts the connections in the list that it gives, should the block not end in time."""
        drivers: list[object] = []
        timer = asyncio.get_running_loop().call_later(seconds, lambda: [*map(self._dialect.cut, drivers)])
        try:
            yield drivers
        finally:
            timer.cancel()


@asynccontextmanager
async def _within(seconds: float, otherwise: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise exc.TimeoutError(f"{otherwise} within {seconds:g} s") from error


def _dialect_of(url: str) -> Dialect:
    try:
        # Heroku and others write postgres://, which SQLAlchemy has no dialect for.
        parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (exc.ArgumentError, ValueError) as error:
        # Without what was given: it may hold a password.
        raise OperatorError(
            "The database URL cannot be read; it looks like postgresql://user:password@host/database, with %40 for"
            " an @ in the password, or sqlite+aiosqlite:////path."
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            return Sqlite(parsed)
        case "postgresql":
            # Only here, as it is of weight and most never need it.
            from penstock.database.postgresql import Postgresql

            return Postgresql(parsed)
        case other:
            raise OperatorError(
                f"Penstock keeps its data in SQLite or PostgreSQL, not in {other}. Leave database_url out for SQLite."
            )
