"""PostgreSQL, by way of psycopg."""

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, Table, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from penstock.errors import OperatorError

CONNECT_SECONDS = 5
"""For each address that the host's name has."""
_CONNECTIONS = 5
_MORE_CONNECTIONS = 5
_POOL_WAIT_SECONDS = 5.0
_WRITER = 0x70656E73746F636B
"""The advisory lock that the writers of one database share: "penstock" in ASCII."""


class Postgresql:
    """The dialect of a PostgreSQL server."""

    advice = "Look whether it runs, and whether database_url (PENSTOCK_DATABASE_URL) is right."
    sizing = "SELECT pg_database_size(current_database())"

    def __init__(self, url: URL) -> None:
        if "@" in (url.host or ""):
            raise OperatorError("An @ in the password of the database URL is written %40, a / %2F and a # %23.")
        self._url = url.set(drivername="postgresql+psycopg")

    @property
    def shown(self) -> str:
        # The query may hold a password too.
        return self._url.set(drivername="postgresql", query={}).render_as_string()

    def prepare(self) -> None:
        """A server is there or not."""

    def engine(self) -> AsyncEngine:
        # Plans are not kept: a pooler in between may lead to another connection each time, and a plan that a newer
        # version's migration made stale would fail. SQLAlchemy's ping before each use would be one more round trip.
        arguments = {"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None, "application_name": "penstock"}
        given = {name: value for name, value in arguments.items() if name not in self._url.query}
        engine = create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT",  # transactions are begun by us
            hide_parameters=True,
            use_native_hstore=False,
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            pool_timeout=_POOL_WAIT_SECONDS,
            connect_args=given,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_unfinished)
        return engine

    async def check(self, connection: AsyncConnection) -> str:
        encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
        if encoding != "UTF8":
            return f"its encoding is {encoding} and not UTF8 (CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0)"
        return ""

    def begin_reading(self, seconds: float) -> list[str]:
        return [f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_bounds(seconds, seconds)}"]

    def begin_writing(self, wait_seconds: float, seconds: float) -> list[str]:
        # One writer at a time, as in SQLite: what reads first and then writes is right in both. What it reads, it
        # reads after it has the lock, for which the isolation must be the weakest.
        lock = f"SELECT pg_advisory_xact_lock({_WRITER})"
        return [f"BEGIN ISOLATION LEVEL READ COMMITTED; {_bounds(wait_seconds, seconds)}; {lock}"]

    async def fill(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # Each value as an insert would give it to the driver: some types have a form of their own there.
        forms = [column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for column in table.c]
        columns = [*zip(table.c.keys(), forms, strict=True)]
        copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.c.keys()))
        )
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            async with driver.cursor() as cursor, cursor.copy(copying) as copy:
                for row in rows:
                    await copy.write_row([form(row[name]) if form else row[name] for name, form in columns])
        except psycopg.Error as error:
            raise DBAPIError(None, None, error) from error

    def in_use(self) -> bool:
        """Others may well be there, and a transaction of one state needs nobody to be gone."""
        return False

    def cut(self, connection: object) -> None:
        assert isinstance(connection, psycopg.AsyncConnection)
        # Not a cancellation, which would wait for the same server: as if it had gone.
        with contextlib.suppress(psycopg.OperationalError, OSError):
            held = socket.socket(fileno=os.dup(connection.fileno()))
            with held:
                held.shutdown(socket.SHUT_RDWR)


def _refuse_unfinished(connection: Any, *_: object) -> None:
    """Has the pool make a new connection in place of one that a cancelled `executemany` left in the middle."""
    if connection.driver_connection.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF:
        raise DisconnectionError


def _bounds(lock_seconds: float, seconds: float) -> str:
    lock, statement = round(lock_seconds * 1000), round(seconds * 1000)
    # The server ends what this side cannot: a transaction whose client is gone without a word. And a commit is on the
    # disk, whatever is set for the whole server.
    return (
        f"SET LOCAL synchronous_commit=on; SET LOCAL lock_timeout={lock}; SET LOCAL statement_timeout={statement};"
        f" SET LOCAL idle_in_transaction_session_timeout={statement}"
    )
