"""API keys: made once, shown once, changed and revoked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from msgspec import UNSET
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys
from penstock.errors import InvalidRequest, NotFound, PermissionDenied
from penstock.tenants.audit import Actor, append, differences
from penstock.tenants.caller import DEFAULT_SCOPES, SCOPES, KeyScope
from penstock.tenants.chain import LONGEST_CHAIN, is_good, read_chain, rights_of
from penstock.tenants.key import SHOWN, Key, KeyChanges
from penstock.tenants.names import clean_name, looks_like_id, new_id
from penstock.tenants.paging import PAGE, Page, read_page
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.plans import Limits
from penstock.tenants.rights import FIELDS, Rights, refuse_more, refuse_stronger, rights_of_account, rights_of_key
from penstock.tenants.secret import digest_of, hint_of, new_secret

KeySort = Literal["created_at", "name", "last_used_at", "expires_at"]
_SORTS: dict[KeySort, ColumnElement[Any]] = {
    "created_at": api_keys.c.created_at,
    "name": func.lower(api_keys.c.name),
    "last_used_at": func.coalesce(api_keys.c.last_used_at, 0.0),
    "expires_at": func.coalesce(api_keys.c.expires_at, 1e12),
}

MOST_MODELS = 200
LONGEST_KEEP_SECONDS = 30 * 86_400
"""How long the secret before a rotation may stay good."""


class Keys:
    """The keys of this server. `changed` is told the id of each that may do less now.

    Where an `account_id` is given, a key of another account is NotFound as one of nobody is. An actor with a `key_id`
    can neither make, nor change, nor renew a key so that it could do more than the actor's own key may now.
    """

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        plans: PlanStore,
        *,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._pepper = pepper
        self._plans = plans
        self._changed = changed

    async def create(
        self,
        name: str,
        *,
        account_id: str,
        by: Actor,
        expires_at: float | None = None,
        scopes: Sequence[KeyScope] | None = None,
        models: Sequence[str] | None = None,
        limits: Limits | None = None,
    ) -> tuple[Key, str]:
        """Make a key; the secret is not kept and cannot be had again.

        Without scopes it has inference and batch, as far as its maker has. Raises InvalidRequest for a field that is
        wrong or would give it more than its maker has, NotFound for an unknown account.
        """
        secret = new_secret()
        async with self._database.write() as connection:
            bound = await self._bound(connection, account_id, by.key_id)
            given = [scope for scope in DEFAULT_SCOPES if scope in bound.scopes] if scopes is None else scopes
            key = _new_key(
                clean_name(name),
                account_id,
                hint_of(secret),
                expires_at=expires_at,
                scopes=_scopes(given),
                models=_models(models),
                limits=limits or Limits(),
                maker_key_id=by.key_id,
            )
            refuse_more(key, bound, FIELDS)
            await self._refuse_depth(connection, by.key_id)
            await connection.execute(api_keys.insert().values(**key.values(), digest=self._digest(secret)))
            await append(connection, by, "key.create", key.id, _told(key))
        return key, secret

    async def of_console(self, account_id: str) -> Key:
        """The key that this account's console acts by, made at the first call."""
        query = select(*SHOWN).where(api_keys.c.account_id == account_id, api_keys.c.of_console)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
        if found is not None:
            return Key.of(found)
        async with self._database.write() as connection:
            if (found := (await connection.execute(query)).one_or_none()) is not None:
                return Key.of(found)
            secret = new_secret()  # told to nobody
            made = _new_key("Console", account_id, hint_of(secret), scopes=DEFAULT_SCOPES, of_console=True)
            await connection.execute(api_keys.insert().values(**made.values(), digest=self._digest(secret)))
        return made

    async def get(self, key_id: str, *, account_id: str | None = None) -> Key:
        """Raises NotFound."""
        async with self._database.read() as connection:
            return await _get(connection, key_id, account_id)

    async def page(
        self,
        *,
        account_id: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
        sort: KeySort = "created_at",
        ascending: bool = False,
        search: str = "",
        revoked: bool = True,
    ) -> Page[Key]:
        """The keys of one account, or with None those of all, the newest first; `search` is part of a name.
        Without `revoked` those that were revoked are left out.

        Raises InvalidRequest for an unknown cursor.
        """
        conditions: list[ColumnElement[bool]] = [] if account_id is None else [api_keys.c.account_id == account_id]
        if search:
            conditions.append(func.lower(api_keys.c.name).contains(search.lower(), autoescape=True))
        if not revoked:
            conditions.append(api_keys.c.revoked_at.is_(None))
        async with self._database.read() as connection:
            page = await read_page(
                connection,
                select(*SHOWN),
                api_keys,
                *conditions,
                after=after,
                limit=limit,
                by=_SORTS[sort],
                oldest_first=ascending,
            )
        return Page([Key.of(row) for row in page.rows], page.has_more)

    async def named(self, which: str) -> Key:
        """The key with this id, or the one with this name that is not revoked, or was revoked last.

        Raises NotFound, or InvalidRequest where more than one is meant.
        """
        query = select(*SHOWN).where((api_keys.c.id == which) | (api_keys.c.name == which))
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(api_keys.c.created_at.desc(), api_keys.c.id))
            return _meant([Key.of(row) for row in rows], which, time.time())

    async def update(self, key_id: str, changes: KeyChanges, *, by: Actor, account_id: str | None = None) -> Key:
        """Change a key, and give it as it is then; what it may do less holds within 5 s.

        Raises NotFound, InvalidRequest for a field that is wrong, would give it more than its maker has, or when the
        key is revoked.
        """
        async with self._database.write() as connection:
            before = await _get(connection, key_id, account_id)
            if before.revoked_at is not None:
                raise InvalidRequest("A revoked key cannot be changed. Make a new one.")
            after = _changed(before, changes)
            new = {name for name, value in after.__dict__.items() if getattr(before, name) != value}
            if not new:
                return after
            if new.intersection(FIELDS):
                await self._refuse_growth(connection, after, by, new)
            await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(after.values()))
            await append(connection, by, "key.update", key_id, differences(_told(before), _told(after)))
        self._changed(key_id)
        return after

    async def rotate(
        self, key_id: str, *, keep_seconds: float, by: Actor, account_id: str | None = None
    ) -> tuple[Key, str]:
        """Give a key another secret; the one before stays good for `keep_seconds`, at most 30 days.

        One that was kept from an earlier rotation ends at once. Raises NotFound, InvalidRequest for a key that is
        revoked or expired, or PermissionDenied where the actor's key may do less than this one.
        """
        if not 0 <= keep_seconds <= LONGEST_KEEP_SECONDS:
            raise InvalidRequest("The old secret can stay good for up to 30 days.", param="keep_seconds")
        secret, now = new_secret(), time.time()
        async with self._database.write() as connection:
            before = await _get(connection, key_id, account_id)
            _refuse_for_the_console(before)
            if before.state(now) in ("revoked", "expired"):
                raise InvalidRequest("Only a key that is neither revoked nor expired can be renewed. Make a new one.")
            if by.key_id is not None and by.key_id != key_id:
                chain = await read_chain(connection, api_keys.c.id == key_id, self._plans)
                refuse_stronger(rights_of(chain), await self._rights_now(connection, by.key_id))
            after = replace(before, hint=hint_of(secret), previous_until=now + keep_seconds)
            values = {
                "digest": self._digest(secret),
                "hint": after.hint,
                "previous_digest": api_keys.c.digest,
                "previous_until": after.previous_until,
            }
            await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(values))
            await append(connection, by, "key.rotate", key_id, {"previous_until": after.previous_until})
        self._changed(key_id)
        return after, secret

    async def revoke(self, key_id: str, *, by: Actor, account_id: str | None = None) -> Key:
        """Revoke a key for good, and give it as it was before: where `revoked_at` is not None it was revoked already,
        and stays as it is. The keys that it made end with it. Raises NotFound."""
        async with self._database.write() as connection:
            before = await _get(connection, key_id, account_id)
            _refuse_for_the_console(before)
            if before.revoked_at is None:
                revoked = update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=time.time())
                await connection.execute(revoked)
                await append(connection, by, "key.revoke", key_id, {"name": before.name})
        self._changed(key_id)
        return before

    async def _refuse_growth(self, connection: AsyncConnection, after: Key, by: Actor, new: set[str]) -> None:
        bound = await self._bound(connection, after.account_id, after.maker_key_id)
        refuse_more(after, bound, new)
        if by.key_id is not None:
            # Whoever acts is not always who made it, so what is None here has no maker's bound to fall back on.
            refuse_stronger(bound.meet(rights_of_key(after)), await self._rights_now(connection, by.key_id), new)

    async def _bound(self, connection: AsyncConnection, account_id: str, maker_key_id: str | None) -> Rights:
        """The most that a key of this account may do that this key makes."""
        row = None
        if looks_like_id(account_id):
            of_account = select(accounts.c.role, accounts.c.plan).where(accounts.c.id == account_id)
            row = (await connection.execute(of_account)).one_or_none()
        if row is None:
            raise NotFound("There is no such account.", param="account_id")
        plan = (await self._plans.of(connection, [row.plan]))[row.plan]
        bound = rights_of_account(row.role, plan.plan)
        return bound if maker_key_id is None else bound.meet(await self._rights_now(connection, maker_key_id))

    async def _rights_now(self, connection: AsyncConnection, key_id: str) -> Rights:
        chain = await read_chain(connection, api_keys.c.id == key_id, self._plans)
        if not is_good(chain, time.time()):
            raise PermissionDenied("The key that this is done with, or that this key was made with, has ended.")
        return rights_of(chain)

    async def _refuse_depth(self, connection: AsyncConnection, maker_key_id: str | None) -> None:
        if maker_key_id is not None:
            chain = await read_chain(connection, api_keys.c.id == maker_key_id, self._plans)
            if len(chain) >= LONGEST_CHAIN:
                raise InvalidRequest(f"Keys that make keys go {LONGEST_CHAIN} deep; this one is the last.")

    def _digest(self, secret: str) -> str:
        return digest_of(secret, self._pepper)


def _new_key(name: str, account_id: str, hint: str, **more: Any) -> Key:
    """A key that is kept nowhere yet; `more` are its fields that are not as usual."""
    usual: dict[str, Any] = {
        **dict.fromkeys(("expires_at", "revoked_at", "disabled_at", "last_used_at", "previous_until")),
        **{"models": None, "limits": Limits(), "maker_key_id": None},
    }
    return Key(id=new_id("key"), account_id=account_id, name=name, hint=hint, created_at=time.time(), **usual | more)


def _refuse_for_the_console(key: Key) -> None:
    if key.of_console:
        raise InvalidRequest("This key is what the console acts by; nobody has its secret. Disable it instead.")


def _changed(before: Key, changes: KeyChanges) -> Key:
    new: dict[str, Any] = {}
    if changes.name is not UNSET:
        new["name"] = clean_name(changes.name)
    if changes.disabled is not UNSET and changes.disabled != (before.disabled_at is not None):
        new["disabled_at"] = time.time() if changes.disabled else None
    if changes.expires_at is not UNSET:
        new["expires_at"] = changes.expires_at
    if changes.scopes is not UNSET:
        new["scopes"] = _scopes(changes.scopes)
    if changes.models is not UNSET:
        new["models"] = _models(changes.models)
    if changes.limits is not UNSET:
        new["limits"] = changes.limits
    return replace(before, **new)


def _scopes(scopes: Sequence[KeyScope]) -> tuple[KeyScope, ...]:
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidRequest("A key has one or more of the scopes inference, batch and admin.", param="scopes")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _models(models: Sequence[str] | None) -> tuple[str, ...] | None:
    if models is None:
        return None
    wanted = tuple(dict.fromkeys(models))
    if not 1 <= len(wanted) <= MOST_MODELS or not all(1 <= len(one) <= 200 and one.isprintable() for one in wanted):
        raise InvalidRequest(f"A list of models has 1 to {MOST_MODELS} ids of models.", param="models")
    return wanted


def _told(key: Key) -> dict[str, Any]:
    """What the audit log keeps of a key."""
    told = key.values()
    names = ("account_id", "name", "expires_at", "scopes", "models", "limits", "disabled_at", "maker_key_id")
    return {name: told[name] for name in names}


async def _get(connection: AsyncConnection, key_id: str, account_id: str | None) -> Key:
    conditions: list[ColumnElement[bool]] = [api_keys.c.id == key_id]
    if account_id is not None:
        conditions.append(api_keys.c.account_id == account_id)
    row = None
    if looks_like_id(key_id):
        row = (await connection.execute(select(*SHOWN).where(*conditions))).one_or_none()
    if row is None:
        raise NotFound("There is no such API key.")
    return Key.of(row)


def _meant(found: list[Key], which: str, now: float) -> Key:
    # An id first: whatever name another key was given, an id stays a way to name exactly one.
    by_id = [key for key in found if key.id == which]
    meant = by_id or [key for key in found if key.state(now) in ("active", "disabled")] or found[:1]
    if not meant:
        raise NotFound(f"No key has the id or name {which!r}. `penstock keys list` shows them.")
    if len(meant) > 1:
        ids = ", ".join(f"{key.id} ({key.hint})" for key in meant)
        raise InvalidRequest(f"{len(meant)} keys are called {which!r}; name one by its id: {ids}.")
    return meant[0]
