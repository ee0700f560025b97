"""SQLite: a file in the data folder."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import NoneType
from typing import Any

from sqlalchemy import URL, Table, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from penstock.errors import OperatorError

_READ_WAIT_SECONDS = 1.0
"""A reader waits only for somebody who locked the whole file; a request behind it should not."""


class Sqlite:
    """The dialect of a file."""

    advice = "Choose another folder with --data-dir."
    sizing = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise OperatorError("The database must be a file: sqlite+aiosqlite:////path, or leave database_url out.")
        self._url = url.set(drivername="sqlite+aiosqlite")
        self._path = Path(url.database or "")

    @property
    def shown(self) -> str:
        return str(self._path)

    def prepare(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def engine(self) -> AsyncEngine:
        # For a value of a type without an adapter the driver looks in three more places, and that each time. What an
        # empty dictionary has for None is None; a function of Python would cost four times as much.
        sqlite3.register_adapter(bool, int)
        sqlite3.register_adapter(NoneType, dict[None, None]().get)
        # Without parameters, as an error may be logged and a row may hold what no log should. And the connection that
        # was used last comes first: each keeps its own statements prepared, which is 2 MB for those of the ledger.
        engine = create_async_engine(self._url, hide_parameters=True, pool_use_lifo=True)
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "invalidate", _roll_back)
        return engine

    async def check(self, _connection: AsyncConnection) -> str:
        return ""

    def begin_reading(self, seconds: float) -> list[str]:
        # Without a transaction of its own a statement that writes would be committed at once.
        return [_busy_timeout(min(seconds, _READ_WAIT_SECONDS)), "BEGIN"]

    def begin_writing(self, wait_seconds: float, _seconds: float) -> list[str]:
        # At once, and not at the first write: a transaction that turns from reader to writer can fail half way.
        return [_busy_timeout(wait_seconds), "BEGIN IMMEDIATE"]

    async def fill(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await connection.execute(table.insert(), rows)

    def in_use(self) -> bool:
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as connection:
            try:
                # Of a file in WAL mode only the last that has it open can be the only one.
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        return False

    def cut(self, _connection: object) -> None:
        """A file answers, or its busy timeout ends."""


def _busy_timeout(seconds: float) -> str:
    return f"PRAGMA busy_timeout={round(seconds * 1000)}"


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, not by the driver's guess
    cursor = connection.cursor()
    first = _busy_timeout(_READ_WAIT_SECONDS)
    for pragma in (first, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"):
        cursor.execute(pragma)
    cursor.close()


def _roll_back(connection: Any, _record: Any, error: BaseException | None) -> None:
    """Of a task that was cancelled: closing alone leaves the file locked until the last statement is collected."""
    if isinstance(error, asyncio.CancelledError):
        connection.rollback()
