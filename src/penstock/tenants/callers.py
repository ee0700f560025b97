"""Who holds a secret: the look-up that stands before every request, and what goes on without the database."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.patience import answered
from penstock.database.tables import api_keys
from penstock.errors import DatabaseAway, InvalidKey, ServerOverloaded
from penstock.tenants.caller import Caller
from penstock.tenants.chain import Link, is_good, read_chain, rights_of, subjects_of
from penstock.tenants.last_use import LastUse
from penstock.tenants.plan_store import PlanStore
from penstock.tenants.secret import Digests

log = logging.getLogger(__name__)

CACHE_SECONDS = 5.0
"""How long an answer about a key is believed: whatever is changed holds everywhere after this time at the latest."""

KNOWN_SECONDS = 60.0
"""How long a key that was good goes on when the database does not answer."""

_LOOK_UP_SECONDS = 2.0
"""A database that takes longer is away."""

_AWAY_SECONDS = 1.0
"""For so long after a failed look-up no other is tried."""

_AT_ONCE = 4
_MOST_WAITING = 1000


@dataclass(slots=True)
class _Known:
    """What the last good look-up of a secret found. `ends_at` is in seconds since 1970, the others on our clock."""

    caller: Caller
    ends_at: float
    asked_at: float
    believed_until: float


class Callers:
    """Finds callers by their secrets."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        plans: PlanStore,
        last_use: LastUse,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        cache_entries: int = 10_000,
    ) -> None:
        self._database = database
        self._digests = Digests(pepper, entries=cache_entries)
        self._plans = plans
        self._last_use = last_use
        self._monotonic = monotonic
        self._cache_entries = cache_entries
        self._known: OrderedDict[str, _Known] = OrderedDict()
        # Apart, so that who guesses pushes out nobody who is known.
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known | None]] = {}
        self._places = {known: asyncio.Semaphore(_AT_ONCE) for known in (True, False)}
        self._away_until = 0.0

    async def find(self, secret: str) -> Caller:
        """Who holds this secret. Raises InvalidKey, in the same words whatever is wrong with it, DatabaseAway where
        that cannot be known now, or ServerOverloaded where too many unknown keys are being looked up."""
        digest = self._digests.of(secret)
        if digest is None:
            raise _invalid()
        known = self._known.get(digest)
        if known is None or known.believed_until <= self._monotonic():
            known = await self._look_up(digest, known)
        now = time.time()
        if known is None or known.ends_at <= now:
            raise _invalid()
        self._last_use.note(known.caller.key_id, now)
        return known.caller

    async def of_key(self, key_id: str) -> Caller:
        """Who a key speaks for, by its id: for work that its holder left to the server. Asked anew each time.

        Raises InvalidKey where the key opens nothing any more, or DatabaseAway.
        """
        try:
            found = await answered(self._read_key(key_id), seconds=_LOOK_UP_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise DatabaseAway("The API key cannot be checked at the moment.", retry_after=5) from error
        if found is None or found.ends_at <= time.time():
            raise _invalid()
        return found.caller

    def forget(self, subject_id: str) -> None:
        """An account or a key has changed: what was found by way of it is looked up anew, in this process at once."""
        for digest, known in list(self._known.items()):
            if any(subject.id == subject_id for subject in known.caller.subjects):
                del self._known[digest]
        self._unknown.clear()  # it may have been let in again

    async def _look_up(self, digest: str, known: _Known | None) -> _Known | None:
        if known is None and self._unknown.get(digest, 0.0) > self._monotonic():
            return None
        asking = self._asking.get(digest)
        if asking is None:
            if known is None and len(self._asking) >= _MOST_WAITING:
                raise ServerOverloaded("Too many unknown API keys come in. Try again in a moment.", retry_after=1)
            asking = asyncio.create_task(self._ask(digest, known), name="key look-up")
            self._asking[digest] = asking
            asking.add_done_callback(lambda done: self._asked(digest, done))
        # Whoever leaves takes nothing from those that wait for the same answer.
        return await asyncio.shield(asking)

    def _asked(self, digest: str, asking: asyncio.Task[_Known | None]) -> None:
        del self._asking[digest]
        if not asking.cancelled():
            asking.exception()  # told to whoever waits; if all have left, to nobody

    async def _ask(self, digest: str, known: _Known | None) -> _Known | None:
        # The wait for a place is not the database's: a flood of guesses must not make it look away.
        async with self._places[known is not None]:
            # From when it was asked, not from when the answer came: a slow database must not stretch a revocation.
            asked = self._monotonic()
            if asked < self._away_until:
                return self._without_database(known)
            try:
                found = await answered(self._read(digest, asked), seconds=_LOOK_UP_SECONDS)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                self._away_until = self._monotonic() + _AWAY_SECONDS
                log.warning("API keys cannot be looked up: %s", str(error).partition("\n")[0] or "no answer in time")
                return self._without_database(known)
        self._keep(digest, found, asked)
        return found

    def _without_database(self, known: _Known | None) -> _Known:
        if known is None or self._monotonic() - known.asked_at >= KNOWN_SECONDS:
            raise DatabaseAway("The API key cannot be checked at the moment. Try again soon.", retry_after=5)
        return known

    async def _read(self, digest: str, asked: float) -> _Known | None:
        renewed = (api_keys.c.previous_digest == digest) & (api_keys.c.previous_until > time.time())
        async with self._database.read() as connection:
            found = await self._find(connection, api_keys.c.digest == digest, asked)
            return found or await self._find(connection, renewed, asked, renewed=True)

    async def _read_key(self, key_id: str) -> _Known | None:
        async with self._database.read() as connection:
            return await self._find(connection, api_keys.c.id == key_id, self._monotonic())

    async def _find(
        self, connection: AsyncConnection, condition: ColumnElement[bool], asked: float, *, renewed: bool = False
    ) -> _Known | None:
        now = time.time()
        chain = await read_chain(connection, condition, self._plans)
        if not is_good(chain, now):
            return None
        subjects = await subjects_of(connection, chain, now)
        rights = rights_of(chain)
        until = chain[0].key.previous_until if renewed else None
        ends_at = rights.ends_at if until is None else min(rights.ends_at, until)
        own, plan = chain[0].key, chain[0].plan
        caller = Caller(
            account_id=own.account_id,
            key_id=own.id,
            key_name=own.name,
            role="admin" if chain[0].role == "admin" else "user",
            scopes=rights.scopes,
            models=rights.models,
            plan_name=plan.name,
            plan=replace(plan.plan, priority=_priority(chain)),
            subjects=subjects,
        )
        return _Known(caller, ends_at, asked, asked + CACHE_SECONDS)

    def _keep(self, digest: str, found: _Known | None, asked: float) -> None:
        if found is None:
            self._known.pop(digest, None)
            self._unknown[digest] = asked + CACHE_SECONDS
            self._unknown.move_to_end(digest)
            _shorten(self._unknown, self._cache_entries)
        else:
            self._unknown.pop(digest, None)
            self._known[digest] = found
            self._known.move_to_end(digest)
            _shorten(self._known, self._cache_entries)


def _shorten(cache: OrderedDict[str, object] | OrderedDict[str, _Known] | OrderedDict[str, float], most: int) -> None:
    while len(cache) > most:
        cache.popitem(last=False)


def _priority(chain: tuple[Link, ...]) -> str:
    return "high" if all(link.plan.plan.priority == "high" for link in chain) else "standard"


def _invalid() -> InvalidKey:
    return InvalidKey("The API key is not valid. `penstock keys create NAME` makes one.")
