"""What differs from one kind of database to the other: how to open it, and how its transactions begin."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Dialect(Protocol):
    """A database of one kind. Statements and migrations are the same for all kinds."""

    @property
    def shown(self) -> str:
        """What it is called in a message; holds no secret."""

    @property
    def advice(self) -> str:
        """What to do where it cannot be used."""

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

    def in_use(self) -> bool:
        """Whether another process has it open, where that can be told; may block."""

    def cut(self, connection: object) -> None:
        """End a driver's connection that gives no answer, whatever waits for it; does not block."""
