"""API keys: made once, shown once, found by the digest of the whole secret."""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update

from penstock.database.connection import Database
from penstock.database.tables import api_keys
from penstock.errors import InvalidKey, OperatorError
from penstock.tenants.accounts import new_id
from penstock.tenants.caller import Caller
from penstock.tenants.secret import hint_of, looks_valid, new_secret

CACHE_SECONDS = 5.0
"""How long an answer about a key is believed: a revocation holds everywhere after this time at the latest."""


@dataclass(frozen=True)
class Key:
    """One key as it may be shown; times in seconds since 1970."""

    id: str
    account_id: str
    name: str
    hint: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


_SHOWN = [api_keys.c[name] for name in ("id", "account_id", "name", "hint", "created_at", "expires_at", "revoked_at")]


class Keys:
    """The keys of this server."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        cache_entries: int = 10_000,
    ) -> None:
        self._cache_entries = cache_entries
        self._database = database
        self._pepper = pepper
        self._monotonic = monotonic
        self._cache: OrderedDict[bytes, tuple[float, Key | None]] = OrderedDict()

    async def create(self, name: str, *, account_id: str, expires_at: float | None = None) -> tuple[Key, str]:
        """Make a key; the secret is not kept and cannot be had again."""
        secret = new_secret()
        key = Key(new_id("key"), account_id, name, hint_of(secret), time.time(), expires_at, None)
        async with self._database.write() as connection:
            row = {**key.__dict__, "digest": self._digest(secret).hex()}
            await connection.execute(api_keys.insert().values(row))
        return key, secret

    async def list_keys(self, *, account_id: str | None = None) -> list[Key]:
        """The keys of one account, or with None those of all, the newest first."""
        query = select(*_SHOWN).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        if account_id is not None:
            query = query.where(api_keys.c.account_id == account_id)
        async with self._database.read() as connection:
            return [Key(*row) for row in await connection.execute(query)]

    async def revoke(self, which: str) -> Key:
        """Revoke the key with this id, or the active one with this name, and give it as it was before.

        A key that was revoked already stays as it is: its `revoked_at` is not None in what is given. Raises
        OperatorError where no key or more than one is meant.
        """
        query = select(*_SHOWN).where((api_keys.c.id == which) | (api_keys.c.name == which))
        now = time.time()
        async with self._database.write() as connection:
            rows = await connection.execute(query.order_by(api_keys.c.created_at.desc()))
            key = _meant([Key(*row) for row in rows], which, now)
            if key.revoked_at is None:
                await connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(revoked_at=now))
        self._cache.clear()
        return key

    async def find(self, secret: str) -> Caller:
        """Who holds this secret. Raises InvalidKey, in the same words whatever is wrong with it."""
        if not looks_valid(secret):
            raise _invalid()
        digest = self._digest(secret)
        cached = self._cache.get(digest)
        if cached is not None and cached[0] > self._monotonic():
            key = cached[1]
        else:
            key = await self._look_up(digest)
        if key is None or key.state(time.time()) != "active":
            raise _invalid()
        return Caller(key.account_id, key.id, key.name)

    async def _look_up(self, digest: bytes) -> Key | None:
        asked = self._monotonic()
        async with self._database.read() as connection:
            rows = await connection.execute(select(*_SHOWN).where(api_keys.c.digest == digest.hex()))
            row = rows.one_or_none()
        key = None if row is None else Key(*row)
        # From when it was asked, not from when the answer came: a slow database must not stretch a revocation.
        self._cache[digest] = (asked + CACHE_SECONDS, key)
        self._cache.move_to_end(digest)
        if len(self._cache) > self._cache_entries:
            self._cache.popitem(last=False)
        return key

    def _digest(self, secret: str) -> bytes:
        # The index is searched by a digest that only the holder of the pepper can make, so the time that the search
        # takes tells nothing about any secret.
        return hmac.digest(self._pepper, secret.encode(), hashlib.sha256)


def _meant(found: list[Key], which: str, now: float) -> Key:
    # An id first: whatever name another key was given, an id stays a way to name exactly one.
    by_id = [key for key in found if key.id == which]
    meant = by_id or [key for key in found if key.state(now) == "active"] or found[:1]
    if not meant:
        raise OperatorError(f"No key has the id or name {which!r}. `penstock keys list` shows them.")
    if len(meant) > 1:
        ids = ", ".join(f"{key.id} ({key.hint})" for key in meant)
        raise OperatorError(f"{len(meant)} keys are called {which!r}; revoke one by its id: {ids}.")
    return meant[0]


def _invalid() -> InvalidKey:
    return InvalidKey("The API key is not valid. `penstock keys create NAME` makes one.")
