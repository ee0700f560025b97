"""Accounts: who owns keys and usage."""

import secrets
import time
from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import OperatorError

OPERATOR_ID = "acct_operator"


@dataclass(frozen=True)
class Account:
    """One account. `created_at` is in seconds since 1970."""

    id: str
    email: str | None
    name: str
    role: Literal["user", "admin"]
    created_at: float
    plan: str = "free"
    disabled_at: float | None = None


_SHOWN = [accounts.c[field.name] for field in fields(Account)]


class Accounts:
    """The accounts of this server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def operator(self) -> Account:
        """The account of whoever runs this server, made at the first call; it has no password and no e-mail."""
        async with self._database.write() as connection:
            found = await _find(connection, accounts.c.id == OPERATOR_ID)
            if found is None:
                found = Account(OPERATOR_ID, None, "Operator", "admin", time.time(), "unlimited")
                await connection.execute(accounts.insert().values(found.__dict__))
            return found

    async def find_by_email(self, email: str) -> Account:
        """Raises OperatorError where no account has this e-mail."""
        async with self._database.read() as connection:
            found = await _find(connection, accounts.c.email == email.strip().lower())
        if found is None:
            raise OperatorError(
                f"No account has the e-mail {email}. Leave --account out for the operator's own account."
            )
        return found


def new_id(prefix: str) -> str:
    """An id that nobody guesses: the prefix and 16 characters."""
    return f"{prefix}_{secrets.token_hex(8)}"


async def _find(connection: AsyncConnection, condition: object) -> Account | None:
    row = (await connection.execute(select(*_SHOWN).where(condition))).one_or_none()  # type: ignore[arg-type]
    return None if row is None else Account(*row)
