"""What differs from one kind of database to the other: how to open and to fill it, and how its transactions begin."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Dialect(Protocol):
    """A database of one kind. Statements and migrations are the same for all kinds."""

    @property
    def shown(self) -> str:
        """What it is called in a message; holds no secret."""

    @property
    def advice(self) -> str:
        """What to do where it cannot be used."""

    @property
    def sizing(self) -> str:
        """The statement that gives how many bytes it takes."""

    def prepare(self) -> None:
        """Make what must be there before the first connection; may block. Raises OSError."""

    def engine(self) -> AsyncEngine:
        """Connections to it, none of which is opened yet."""

    async def check(self, connection: AsyncConnection) -> str:
        """Why a database that does answer cannot be used; as a rule empty."""

    def begin_reading(self, seconds: float) -> list[str]:
        """The statements that begin a transaction of one state, for at most so long where the kind can bound it."""

    def begin_writing(self, wait_seconds: float, seconds: float) -> list[str]:
        """The statements that begin the transaction of the one writer, which is waited for at most `wait_seconds`."""

    async def fill(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put in rows that have every column, by the fastest way there is. Raises SQLAlchemyError."""

    def in_use(self) -> bool:
        """Whether another process has it open, where that can be told; may block."""

    def cut(self, connection: object) -> None:
        """End a driver's connection that gives no answer, whatever waits for it; does not block."""
