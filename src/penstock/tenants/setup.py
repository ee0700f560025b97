"""First run: who may make the first administrator. Only whoever sees the server's terminal, and once."""

import hashlib
import hmac
import secrets

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts
from penstock.errors import SetupDone, WrongSetupToken
from penstock.tenants.accounts import Account, add_account, new_account
from penstock.tenants.audit import Actor, append
from penstock.tenants.passwords import Passwords
from penstock.tenants.plans import OPERATOR_PLAN

TOKEN_PREFIX = "pset_"  # noqa: S105 -- what every one begins with


class Setup:
    """Setting this server up. Whether that is needed the table of accounts says, for every server on it alike.

    Of the token only the digest is kept, in the memory of the one process that printed it.
    """

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords
        self._digest: bytes | None = None
        self._done = False

    async def needed(self) -> bool:
        """Whether no account has a password, so that nobody can sign in."""
        if not self._done:
            async with self._database.read() as connection:
                self._done = await _is_done(connection)
        return not self._done

    async def offer(self) -> str | None:
        """A token for `finish`, to be shown to the operator alone; None where nothing is to be set up.

        One that was given before opens nothing from now on.
        """
        if not await self.needed():
            return None
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self._digest = _digest(token)
        return token

    async def finish(self, token: str, *, name: str, email: str, password: str, request_id: str | None) -> Account:
        """Make the administrator, on the operator's plan; of several who try at once, one does.

        Raises SetupDone where that has happened, WrongSetupToken, or InvalidRequest for a field that is wrong, after
        which the token is still good.
        """
        if not await self.needed():
            raise SetupDone
        if self._digest is None or not hmac.compare_digest(self._digest, _digest(token)):
            raise WrongSetupToken
        account = new_account(email, name=name, role="admin", plan=OPERATOR_PLAN)
        known = (account.name, account.email or "", email.partition("@")[0])
        password_hash = await self._passwords.hash(password, known=known)
        async with self._database.write() as connection:
            # There is one writer at a time: what is seen here is still so when the account is kept.
            if await _is_done(connection):
                raise SetupDone
            await add_account(connection, account, password_hash)
            by = Actor(account.email or "", account_id=account.id, request_id=request_id)
            await append(connection, by, "account.setup", account.id, {"email": account.email, "role": account.role})
        self._digest, self._done = None, True
        return account


async def _is_done(connection: AsyncConnection) -> bool:
    with_password = select(accounts.c.id).where(accounts.c.password_hash.is_not(None)).limit(1)
    return (await connection.execute(with_password)).first() is not None


def _digest(token: str) -> bytes:
    # 256 bits of randomness need no slow hash; of one length, so that the comparison tells nothing.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
