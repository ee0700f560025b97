"""Accounts: who owns keys and usage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts, sessions
from penstock.errors import InvalidRequest, NotFound
from penstock.tenants.account_order import ORDERS, AccountFilter, AccountSort, last_active
from penstock.tenants.audit import Actor, append, differences
from penstock.tenants.names import clean_email, clean_name, looks_like_id, new_id
from penstock.tenants.paging import PAGE, Page, read_page
from penstock.tenants.passwords import Passwords
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.plans import OPERATOR_PLAN

OPERATOR_ID = "acct_operator"
Role = Literal["user", "admin"]


@dataclass(frozen=True)
class Account:
    """One account. `created_at` is in seconds since 1970."""

    id: str
    email: str | None
    name: str
    role: Role
    created_at: float
    plan: str = "free"
    disabled_at: float | None = None

    @property
    def state(self) -> Literal["active", "disabled"]:
        return "active" if self.disabled_at is None else "disabled"

    @property
    def administers(self) -> bool:
        return self.role == "admin" and self.disabled_at is None


class AccountChanges(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to change of an account; what is unset stays."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    plan: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


SHOWN = [accounts.c[field.name] for field in fields(Account)]


class Accounts:
    """The accounts of this server. `changed` is told the id of each account whose rights may be others now."""

    def __init__(
        self,
        database: Database,
        plans: PlanStore,
        passwords: Passwords,
        *,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._plans = plans
        self._passwords = passwords
        self._changed = changed

    async def operator(self) -> Account:
        """The account of whoever runs this server, made at the first call, without a password and an e-mail."""
        async with self._database.write() as connection:
            return await operator_on(connection)

    async def create(
        self,
        email: str,
        *,
        by: Actor,
        name: str = "",
        role: Role = "user",
        plan: str | None = None,
        password: str | None = None,
    ) -> Account:
        """A new account; without a name it is called by its e-mail, without a plan it has the default one.

        Without a password nobody can log in to it yet. Raises InvalidRequest for a field that is wrong and for an
        e-mail that another account has, ServerOverloaded where too many passwords wait.
        """
        account = new_account(email, name=name, role=role, plan=plan or self._plans.default)
        password_hash = None if password is None else await self._hash(account, password)
        async with self._database.write() as connection:
            await self._plans.known(connection, account.plan)
            await add_account(connection, account, password_hash)
            await append(connection, by, "account.create", account.id, {"email": account.email, "role": role})
        return account

    async def sign_up(self, email: str, *, by: Actor, name: str = "", password: str) -> None:
        """Make an account for whoever asks, unless another has this e-mail. Nothing tells which of the two it was, and
        the work is the same: a hash, and one transaction that ends in the audit log. Raises as `create`, but for that.
        """
        account = new_account(email, name=name, role="user", plan=self._plans.default)
        password_hash = await self._hash(account, password)
        # Of the two dialects' constructs for ON CONFLICT, PostgreSQL's is the one that the other's compiler takes too.
        adding = insert(accounts).values(**account.__dict__, password_hash=password_hash)
        unless_taken = adding.on_conflict_do_nothing(index_elements=["email"]).returning(accounts.c.id)
        async with self._database.write() as connection:
            await self._plans.known(connection, account.plan)
            if (await connection.execute(unless_taken)).one_or_none() is not None:
                await append(connection, by, "account.create", account.id, {"email": account.email, "role": "user"})
                return
            there = await _find(connection, accounts.c.email == account.email)
            if there is not None:
                await append(connection, by, "account.signup_taken", there.id, {"email": account.email})

    async def get(self, account_id: str) -> Account:
        """Raises NotFound where there is none."""
        async with self._database.read() as connection:
            return await _get(connection, account_id)

    async def find_by_email(self, email: str) -> Account:
        """Raises NotFound where no account has this e-mail."""
        async with self._database.read() as connection:
            found = await _find(connection, accounts.c.email == (email := clean_email(email)))
        if found is None:
            raise NotFound(f"No account has the e-mail {email}.")
        return found

    async def page(
        self,
        *,
        after: str | None = None,
        limit: int = PAGE,
        which: AccountFilter | None = None,
        sort: AccountSort = "created_at",
        ascending: bool = False,
    ) -> Page[Account]:
        """The newest first, as a rule. Raises InvalidRequest for an unknown cursor."""
        which = which or AccountFilter()
        if not which.search.isprintable():
            return Page([], has_more=False)
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*SHOWN),
                accounts,
                *which.conditions(),
                after=after,
                limit=limit,
                by=ORDERS[sort],
                oldest_first=ascending,
            )
        return Page([Account(*row) for row in page.rows], page.has_more)

    async def last_active(self, account_ids: list[str]) -> dict[str, float]:
        """Id -> when a session or a key of the account was used last, in seconds since 1970; as far as it is known."""
        async with self._database.read() as connection:
            return await last_active(connection, account_ids)

    async def update(self, account_id: str, changes: AccountChanges, *, by: Actor) -> Account:
        """Change an account, and give it as it is then. Disabling ends its sessions, and within 5 s its keys.

        Raises NotFound, or InvalidRequest for a field that is wrong, and where no administrator would be left.
        """
        async with self._database.write() as connection:
            before = await _get(connection, account_id)
            after = await self._changed_by(connection, before, changes)
            if before.administers and not after.administers:
                await _refuse_for_the_last_admin(connection, account_id)
            if after == before:
                return after
            with _email_told():
                await connection.execute(update(accounts).where(accounts.c.id == account_id).values(after.__dict__))
            if after.disabled_at is not None:
                await connection.execute(delete(sessions).where(sessions.c.account_id == account_id))
            await append(connection, by, "account.update", account_id, differences(before.__dict__, after.__dict__))
        self._changed(account_id)
        return after

    async def set_password(
        self, account_id: str, password: str, *, by: Actor, keep_session: str | None = None
    ) -> Account:
        """Give an account another password, which ends its sessions but for the one with the id `keep_session`.

        Raises NotFound, or InvalidRequest for a password that is none.
        """
        account = await self.get(account_id)
        kept = await self._hash(account, password)
        async with self._database.write() as connection:
            account = await _get(connection, account_id)
            await connection.execute(update(accounts).where(accounts.c.id == account_id).values(password_hash=kept))
            others = sessions.c.id != (keep_session or "")
            await connection.execute(delete(sessions).where(sessions.c.account_id == account_id, others))
            await append(connection, by, "account.set_password", account_id, {})
        self._changed(account_id)
        return account

    async def verify(self, email: str, password: str) -> Account | None:
        """The active account with this e-mail and password; None takes the same work whatever was wrong.

        Raises ServerOverloaded where too many wait to be checked.
        """
        account, kept = await self._with_hash(email)
        matches = await self._passwords.verify(kept, password)
        if account is None or kept is None or not matches or account.disabled_at is not None:
            return None
        if self._passwords.needs_rehash(kept):
            await self._rehash(account.id, kept, password)
        return account

    async def _with_hash(self, email: str) -> tuple[Account | None, str | None]:
        try:
            condition = accounts.c.email == clean_email(email)
        except InvalidRequest:
            return None, None
        async with self._database.read() as connection:
            row = (await connection.execute(select(*SHOWN, accounts.c.password_hash).where(condition))).one_or_none()
        return (None, None) if row is None else (Account(*row[:-1]), row[-1])

    async def _rehash(self, account_id: str, kept: str, password: str) -> None:
        better = await self._passwords.rehash(password)
        is_same = (accounts.c.id == account_id) & (accounts.c.password_hash == kept)
        async with self._database.write() as connection:
            await connection.execute(update(accounts).where(is_same).values(password_hash=better))

    async def _hash(self, account: Account, password: str) -> str:
        email = account.email or ""
        return await self._passwords.hash(password, known=(account.name, email, email.partition("@")[0]))

    async def _changed_by(self, connection: AsyncConnection, before: Account, changes: AccountChanges) -> Account:
        new: dict[str, Any] = {}
        if changes.name is not UNSET:
            new["name"] = clean_name(changes.name)
        if changes.email is not UNSET:
            new["email"] = clean_email(changes.email)
        if changes.role is not UNSET:
            new["role"] = changes.role
        if changes.plan is not UNSET:
            new["plan"] = (await self._plans.known(connection, changes.plan)).name
        if changes.disabled is not UNSET and changes.disabled != (before.disabled_at is not None):
            new["disabled_at"] = time.time() if changes.disabled else None
        return replace(before, **new)


def new_account(email: str, *, name: str, role: Role, plan: str) -> Account:
    """An account that is kept nowhere yet. Raises InvalidRequest for a field that is wrong."""
    email = clean_email(email)
    return Account(new_id("acct"), email, clean_name(name or email[:100]), role, time.time(), plan)


async def add_account(connection: AsyncConnection, account: Account, password_hash: str | None) -> None:
    """Keep a new account. Raises InvalidRequest where another has its e-mail."""
    with _email_told():
        await connection.execute(accounts.insert().values(**account.__dict__, password_hash=password_hash))


async def operator_on(connection: AsyncConnection) -> Account:
    """As `Accounts.operator`, in a transaction that is under way."""
    found = await _find(connection, accounts.c.id == OPERATOR_ID)
    if found is None:
        found = Account(OPERATOR_ID, None, "Operator", "admin", time.time(), OPERATOR_PLAN)
        await connection.execute(accounts.insert().values(found.__dict__))
    return found


@contextmanager
def _email_told() -> Iterator[None]:
    # The index knows which e-mail is taken, whoever was first; a look beforehand does not.
    try:
        yield
    except IntegrityError as error:
        raise InvalidRequest("Another account has this e-mail.", param="email") from error


async def _refuse_for_the_last_admin(connection: AsyncConnection, account_id: str) -> None:
    """An administrator is to be left, and one who can log in if there is one now."""
    admins = select(accounts.c.id, accounts.c.password_hash.is_not(None)).where(
        accounts.c.role == "admin", accounts.c.disabled_at.is_(None)
    )
    # Locked, so that two who demote each other at once are not both let through.
    found = {row[0]: bool(row[1]) for row in await connection.execute(admins.order_by(accounts.c.id).with_for_update())}
    can_log_in = found.pop(account_id, False)
    if not found or (can_log_in and not any(found.values())):
        raise InvalidRequest(
            "This is the last administrator who can act. Make another one first.",
            code="last_admin",
        )


async def _get(connection: AsyncConnection, account_id: str) -> Account:
    found = await _find(connection, accounts.c.id == account_id) if looks_like_id(account_id) else None
    if found is None:
        raise NotFound("There is no such account.")
    return found


async def _find(connection: AsyncConnection, condition: ColumnElement[bool]) -> Account | None:
    row = (await connection.execute(select(*SHOWN).where(condition))).one_or_none()
    return None if row is None else Account(*row)
