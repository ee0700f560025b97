"""Invitations: whoever has one may make an account, once."""

import secrets
import time
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts, invitations
from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.accounts import Account, Role, add_account, new_account, operator_on
from penstock.tenants.audit import Actor, append
from penstock.tenants.names import clean_email, looks_like_id, new_id
from penstock.tenants.paging import PAGE, Page, read_page
from penstock.tenants.passwords import Passwords
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.secret import digest_of

TOKEN_PREFIX = "pinv_"  # noqa: S105 -- what every one begins with
LIFE_SECONDS = 7 * 86_400.0
LONGEST_LIFE_SECONDS = 90 * 86_400.0

InvitationState = Literal["open", "used", "expired"]
InvitationSort = Literal["created_at", "expires_at"]
_SORTS: dict[InvitationSort, ColumnElement[Any]] = {
    "created_at": invitations.c.created_at,
    "expires_at": invitations.c.expires_at,
}


@dataclass(frozen=True)
class Invitation:
    """One invitation; times in seconds since 1970. Without an e-mail it is good for any."""

    id: str
    email: str | None
    role: Role
    plan: str
    created_by: str
    created_at: float
    expires_at: float
    used_at: float | None = None
    used_by: str | None = None

    def state(self, now: float) -> InvitationState:
        """`open`, `used` or `expired`."""
        if self.used_at is not None:
            return "used"
        return "expired" if self.expires_at <= now else "open"


_SHOWN = [invitations.c[field.name] for field in fields(Invitation)]


class Invitations:
    """The invitations of this server."""

    def __init__(self, database: Database, pepper: bytes, plans: PlanStore, passwords: Passwords) -> None:
        self._database = database
        self._pepper = pepper
        self._plans = plans
        self._passwords = passwords

    async def create(
        self,
        *,
        by: Actor,
        email: str | None = None,
        role: Role = "user",
        plan: str | None = None,
        life_seconds: float = LIFE_SECONDS,
    ) -> tuple[Invitation, str]:
        """An invitation and its token, which is not kept. Raises InvalidRequest for a field that is wrong, and for an
        e-mail that has an account already."""
        if not 0 < life_seconds <= LONGEST_LIFE_SECONDS:
            raise InvalidRequest("An invitation is good for up to 90 days.", param="expires_in")
        token, now = TOKEN_PREFIX + secrets.token_urlsafe(32), time.time()
        async with self._database.write() as connection:
            plan = (await self._plans.known(connection, plan or self._plans.default)).name
            creator = by.account_id or (await operator_on(connection)).id
            address = None if email is None else await _free_email(connection, email)
            made = Invitation(new_id("inv"), address, role, plan, creator, now, now + life_seconds)
            digest = digest_of(token, self._pepper)
            await connection.execute(invitations.insert().values(**made.__dict__, digest=digest))
            told = {"email": address, "role": role, "plan": plan, "expires_at": made.expires_at}
            await append(connection, by, "invitation.create", made.id, told)
        return made, token

    async def page(
        self,
        *,
        after: str | None = None,
        limit: int = PAGE,
        state: InvitationState | None = None,
        sort: InvitationSort = "created_at",
        ascending: bool = False,
    ) -> Page[Invitation]:
        """The newest first, as a rule, used and expired ones too. Raises InvalidRequest for an unknown cursor."""
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*_SHOWN),
                invitations,
                *_in_state(state, time.time()),
                after=after,
                limit=limit,
                by=_SORTS[sort],
                oldest_first=ascending,
            )
        return Page([Invitation(*row) for row in page.rows], page.has_more)

    async def revoke(self, invitation_id: str, *, by: Actor) -> Invitation:
        """Take an invitation back; it is gone then. Raises NotFound, or InvalidRequest for one that was used."""
        async with self._database.write() as connection:
            query = select(*_SHOWN).where(invitations.c.id == invitation_id)
            row = (await connection.execute(query)).one_or_none() if looks_like_id(invitation_id) else None
            if row is None:
                raise NotFound("There is no such invitation.")
            found = Invitation(*row)
            unused = (invitations.c.id == found.id) & invitations.c.used_at.is_(None)
            if (await connection.execute(delete(invitations).where(unused))).rowcount != 1:
                raise InvalidRequest("The invitation was used. Disable the account instead.")
            await append(connection, by, "invitation.revoke", found.id, {"email": found.email})
        return found

    async def find(self, token: str) -> Invitation:
        """The open invitation with this token; looking at it does not use it. Raises NotFound, whatever is wrong."""
        async with self._database.read() as connection:
            return await self._open(connection, token)

    async def redeem(
        self, token: str, *, email: str, password: str, name: str = "", by: Actor | None = None
    ) -> Account:
        """Make the account that an invitation is for; of several who use it at once, one gets it.

        Raises NotFound for an invitation that is not open, or whose maker could not make it any more, InvalidRequest
        for a field that is wrong and for another e-mail than it was made for.
        """
        found = await self.find(token)  # before a password is hashed for nothing
        if found.email is not None and clean_email(email) != found.email:
            raise InvalidRequest("The invitation is for another e-mail.", param="email")
        account = new_account(email, name=name, role=found.role, plan=found.plan)
        known = (account.name, account.email or "", email.partition("@")[0])
        password_hash = await self._passwords.hash(password, known=known)
        async with self._database.write() as connection:
            found = await self._open(connection, token)
            await add_account(connection, account, password_hash)
            unused = (invitations.c.id == found.id) & invitations.c.used_at.is_(None)
            used = {"used_at": time.time(), "used_by": account.id}
            if (await connection.execute(update(invitations).where(unused).values(used))).rowcount != 1:
                raise _not_open()
            actor = by or Actor(account.email or "", account_id=account.id)
            told = {"account_id": account.id, "email": account.email, "role": account.role, "plan": account.plan}
            await append(connection, actor, "invitation.redeem", found.id, told)
        return account

    async def _open(self, connection: AsyncConnection, token: str) -> Invitation:
        query = select(*_SHOWN).where(invitations.c.digest == digest_of(token, self._pepper))
        row = (await connection.execute(query)).one_or_none()
        found = None if row is None else Invitation(*row)
        if found is None or found.state(time.time()) != "open" or not await _may_invite(connection, found.created_by):
            raise _not_open()
        return found


def _in_state(state: InvitationState | None, now: float) -> list[ColumnElement[bool]]:
    used, late = invitations.c.used_at.is_not(None), invitations.c.expires_at <= now
    match state:
        case None:
            return []
        case "used":
            return [used]
        case "expired":
            return [~used, late]
        case "open":
            return [~used, ~late]


async def _may_invite(connection: AsyncConnection, account_id: str) -> bool:
    """Whether whoever made an invitation could make it now: what an administrator gave away ends with the office."""
    query = select(accounts.c.id).where(
        accounts.c.id == account_id, accounts.c.role == "admin", accounts.c.disabled_at.is_(None)
    )
    return (await connection.execute(query)).one_or_none() is not None


async def _free_email(connection: AsyncConnection, email: str) -> str:
    address = clean_email(email)
    taken = select(accounts.c.id).where(accounts.c.email == address)
    if (await connection.execute(taken)).one_or_none() is not None:
        raise InvalidRequest("An account has this e-mail already.", param="email")
    return address


def _not_open() -> NotFound:
    return NotFound("The invitation is unknown, used, taken back or out of time. Ask for another one.")
