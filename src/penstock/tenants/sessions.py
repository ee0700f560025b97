"""Sessions: who is signed in with a browser. The token is shown to that browser alone; only its digest is kept."""

import asyncio
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.patience import answered
from penstock.database.tables import accounts, sessions
from penstock.errors import DatabaseAway, NotFound, ServerOverloaded
from penstock.tenants.accounts import SHOWN as ACCOUNT_SHOWN
from penstock.tenants.accounts import Account
from penstock.tenants.names import looks_like_id, new_id
from penstock.tenants.secret import digest_of

log = logging.getLogger(__name__)

LIFE_SECONDS = 30 * 86_400.0
IDLE_SECONDS = 7 * 86_400.0
CACHE_SECONDS = 5.0
"""How long an answer about a session is believed: one that was ended is refused everywhere after this time."""

KNOWN_SECONDS = 60.0
"""How long a session that was good goes on when the database does not answer."""

MOST_SESSIONS = 50
"""Of one account; the one unused for longest ends when another begins."""

TOKEN_PREFIX = "pses_"  # noqa: S105 -- what every one begins with
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}")
_SEEN_SECONDS = 300.0
"""How exactly it is kept when a session was last used."""
_LOOK_UP_SECONDS = 2.0
_AT_ONCE = 4
_MOST_WAITING = 200
_LONGEST_CLIENT = 200


@dataclass(frozen=True)
class Session:
    """One session; times in seconds since 1970. `client` is what its browser said of itself."""

    id: str
    account_id: str
    created_at: float
    last_seen_at: float
    expires_at: float
    client: str

    def is_good(self, now: float) -> bool:
        """Whether it is neither too old nor unused for too long."""
        return now < self.expires_at and now < self.last_seen_at + IDLE_SECONDS


@dataclass(frozen=True)
class SignedIn:
    """An account, by way of one of its sessions."""

    account: Account
    session: Session


@dataclass(frozen=True, slots=True)
class _Known:
    """What a look-up found; times on our clock. `signed_in` is None where the token opens nothing."""

    signed_in: SignedIn | None
    asked_at: float


_SHOWN = [sessions.c[field.name] for field in fields(Session)]


class Sessions:
    """The sessions of this server."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        cache_entries: int = 10_000,
    ) -> None:
        self._database = database
        self._pepper = pepper
        self._monotonic = monotonic
        self._wall = wall
        self._cache_entries = cache_entries
        # Apart, so that who guesses pushes out nobody who is signed in.
        self._good: OrderedDict[str, _Known] = OrderedDict()
        self._bad: OrderedDict[str, _Known] = OrderedDict()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def begin(self, account: Account, *, client: str, instead_of: str = "") -> tuple[Session, str]:
        """A new session and its token, which is not kept. The session with the token `instead_of` ends."""
        token, now = TOKEN_PREFIX + secrets.token_urlsafe(32), self._wall()
        shown = "".join(character if character.isprintable() else "?" for character in client[:_LONGEST_CLIENT])
        made = Session(new_id("sess"), account.id, now, now, now + LIFE_SECONDS, shown)
        async with self._database.write() as connection:
            await _tidy(connection, account.id, now)
            if _TOKEN.fullmatch(instead_of):
                await connection.execute(delete(sessions).where(sessions.c.digest == self._digest(instead_of)))
            await connection.execute(sessions.insert().values(**made.__dict__, digest=self._digest(token)))
        self._good.pop(self._digest(instead_of), None)
        return made, token

    async def find(self, token: str) -> SignedIn | None:
        """Who is signed in by this token; None for one that opens nothing, whatever is wrong with it.

        Raises DatabaseAway where that cannot be known now, ServerOverloaded where too many are being looked up.
        """
        if not _TOKEN.fullmatch(token):
            return None
        digest = self._digest(token)
        known = self._good.get(digest) or self._bad.get(digest)
        if known is None or self._monotonic() - known.asked_at >= CACHE_SECONDS:
            known = await self._ask(digest, known)
        found = known.signed_in
        return found if found is not None and found.session.is_good(self._wall()) else None

    async def of_account(self, account_id: str) -> list[Session]:
        """The good sessions of an account, the newest first; at most MOST_SESSIONS."""
        query = select(*_SHOWN).where(sessions.c.account_id == account_id)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(sessions.c.created_at.desc(), sessions.c.id.desc()))
            found = [Session(*row) for row in rows]
        return [session for session in found if session.is_good(self._wall())]

    async def end(self, session_id: str, *, account_id: str) -> Session:
        """End a session of this account. Raises NotFound where the account has no such session."""
        mine = (sessions.c.id == session_id) & (sessions.c.account_id == account_id)
        async with self._database.write() as connection:
            found = looks_like_id(session_id) and (await connection.execute(select(*_SHOWN).where(mine))).one_or_none()
            if not found:
                raise NotFound("There is no such session.")
            await connection.execute(delete(sessions).where(mine))
        self.forget(account_id)
        return Session(*found)

    async def end_others(self, session_id: str, *, account_id: str) -> None:
        """End all sessions of this account but one."""
        others = (sessions.c.account_id == account_id) & (sessions.c.id != session_id)
        async with self._database.write() as connection:
            await connection.execute(delete(sessions).where(others))
        self.forget(account_id)

    def forget(self, account_id: str) -> None:
        """An account has changed: its sessions are looked up anew, in this process at once."""
        for digest, known in list(self._good.items()):
            if known.signed_in is not None and known.signed_in.account.id == account_id:
                del self._good[digest]

    async def _ask(self, digest: str, known: _Known | None) -> _Known:
        if self._waiting >= _MOST_WAITING:
            raise ServerOverloaded("Too many sessions are being looked up. Try again in a moment.", retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS), self._places:
                # From when it was asked, not from when the answer came: a slow database must not stretch an end.
                asked = self._monotonic()
                found = _Known(await answered(self._read(digest), seconds=_LOOK_UP_SECONDS), asked)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("sessions cannot be looked up: %s", str(error).partition("\n")[0] or "no answer in time")
            if known is None or known.signed_in is None or self._monotonic() - known.asked_at >= KNOWN_SECONDS:
                raise DatabaseAway(
                    "The session cannot be checked at the moment. Try again soon.", retry_after=5
                ) from error
            return known
        finally:
            self._waiting -= 1
        self._keep(digest, found)
        if found.signed_in is not None:
            await self._note_use(found.signed_in.session)
        return found

    async def _read(self, digest: str) -> SignedIn | None:
        joined = select(*_SHOWN, *ACCOUNT_SHOWN).join_from(sessions, accounts, sessions.c.account_id == accounts.c.id)
        query = joined.where(sessions.c.digest == digest, accounts.c.disabled_at.is_(None))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        session = Session(*row[: len(_SHOWN)])
        return SignedIn(Account(*row[len(_SHOWN) :]), session) if session.is_good(self._wall()) else None

    def _keep(self, digest: str, found: _Known) -> None:
        into, out_of = (self._bad, self._good) if found.signed_in is None else (self._good, self._bad)
        out_of.pop(digest, None)
        into[digest] = found
        into.move_to_end(digest)
        if len(into) > self._cache_entries:
            into.popitem(last=False)

    async def _note_use(self, session: Session) -> None:
        now = self._wall()
        if now < session.last_seen_at + _SEEN_SECONDS:
            return
        try:
            async with self._database.write() as connection:
                seen = update(sessions).where(sessions.c.id == session.id).values(last_seen_at=now)
                await connection.execute(seen)
        except (SQLAlchemyError, OSError) as error:
            # The next look-up tries again, and days are left until it matters.
            log.warning("when a session was used cannot be written: %s", str(error).partition("\n")[0])

    def _digest(self, token: str) -> str:
        return digest_of(token, self._pepper)


async def _tidy(connection: AsyncConnection, account_id: str, now: float) -> None:
    """Delete what has ended of an account's sessions, and so many of the others that one more has room."""
    over = or_(sessions.c.expires_at <= now, sessions.c.last_seen_at <= now - IDLE_SECONDS)
    await connection.execute(delete(sessions).where(sessions.c.account_id == account_id, over))
    left = select(sessions.c.id).where(sessions.c.account_id == account_id)
    newest_first = left.order_by(sessions.c.last_seen_at.desc(), sessions.c.id)
    ids = [row[0] for row in await connection.execute(newest_first)]
    await connection.execute(delete(sessions).where(sessions.c.id.in_(ids[MOST_SESSIONS - 1 :])))
