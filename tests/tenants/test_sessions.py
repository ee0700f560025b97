"""A session begins with a new token, goes on without the database for a while, and ends when it should."""

import time

import pytest
from sqlalchemy import text

from penstock.database.connection import Database
from penstock.errors import DatabaseAway, NotFound
from penstock.tenants.accounts import Account
from penstock.tenants.sessions import (
    CACHE_SECONDS,
    IDLE_SECONDS,
    KNOWN_SECONDS,
    LIFE_SECONDS,
    MOST_SESSIONS,
    Session,
    Sessions,
    SignedIn,
)

PEPPER = b"p" * 32


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Clock:
    return Clock(100.0)


@pytest.fixture
def wall() -> Clock:
    return Clock(time.time())


@pytest.fixture
async def sessions(database: Database, monotonic: Clock, wall: Clock) -> Sessions:
    return Sessions(database, PEPPER, monotonic=monotonic, wall=wall)


async def begun(sessions: Sessions, account: Account, *, instead_of: str = "") -> tuple[Session, str]:
    return await sessions.begin(account, client="a browser", instead_of=instead_of)


async def test_a_token_opens_its_session_alone(sessions: Sessions, account: Account) -> None:
    (one, token), (_, other) = await begun(sessions, account), await begun(sessions, account)
    found = await sessions.find(token)
    assert isinstance(found, SignedIn)
    assert (found.session.id, found.account.id) == (one.id, account.id)
    assert token != other
    for wrong in ("", token[:-1], token + "x", token.upper(), "pses_" + "a" * 43, "psk_x", "\ud800", token + "\n"):
        assert await sessions.find(wrong) is None


async def test_no_token_is_kept(sessions: Sessions, account: Account, database: Database) -> None:
    _, token = await begun(sessions, account)
    async with database.read() as connection:
        rows = [str(row) for row in await connection.execute(text("SELECT * FROM sessions"))]
    assert rows
    assert not any(token.removeprefix("pses_") in row for row in rows)


async def test_a_log_in_ends_the_session_before(sessions: Sessions, account: Account) -> None:
    _, before = await begun(sessions, account)
    assert await sessions.find(before)
    _, after = await begun(sessions, account, instead_of=before)
    assert await sessions.find(before) is None
    assert await sessions.find(after)


@pytest.mark.parametrize("planted", ["pses_" + "A" * 43, "", "x", "' OR 1=1 --"])
async def test_a_planted_token_never_becomes_the_session(sessions: Sessions, account: Account, planted: str) -> None:
    _, token = await begun(sessions, account, instead_of=planted)
    assert token != planted
    assert await sessions.find(planted) is None


async def test_it_ends_after_its_life(sessions: Sessions, account: Account, wall: Clock, monotonic: Clock) -> None:
    _, token = await begun(sessions, account)
    for _ in range(int(LIFE_SECONDS // IDLE_SECONDS) + 1):
        assert await sessions.find(token)
        wall.now += IDLE_SECONDS - 1
        monotonic.now += CACHE_SECONDS
    wall.now += IDLE_SECONDS
    assert await sessions.find(token) is None


async def test_it_ends_when_unused(sessions: Sessions, account: Account, wall: Clock) -> None:
    _, token = await begun(sessions, account)
    wall.now += IDLE_SECONDS
    assert await sessions.find(token) is None
    assert await sessions.of_account(account.id) == []


async def test_ending_one_holds_at_once(sessions: Sessions, account: Account) -> None:
    (one, token), (other, kept) = await begun(sessions, account), await begun(sessions, account)
    assert await sessions.find(token)
    await sessions.end(one.id, account_id=account.id)
    assert await sessions.find(token) is None
    assert [session.id for session in await sessions.of_account(account.id)] == [other.id]
    await sessions.end_others("", account_id=account.id)
    assert await sessions.find(kept) is None


@pytest.mark.parametrize("other", ["acct_other", "", "' OR 1=1 --"])
async def test_anothers_cannot_be_ended(sessions: Sessions, account: Account, other: str) -> None:
    one, token = await begun(sessions, account)
    with pytest.raises(NotFound):
        await sessions.end(one.id, account_id=other)
    with pytest.raises(NotFound):
        await sessions.end("sess_nobody", account_id=account.id)
    assert await sessions.find(token)


async def test_an_end_elsewhere_holds_within_5_seconds(
    sessions: Sessions, database: Database, account: Account, monotonic: Clock
) -> None:
    one, token = await begun(sessions, account)
    assert await sessions.find(token)
    await Sessions(database, PEPPER).end(one.id, account_id=account.id)
    monotonic.now += CACHE_SECONDS
    assert await sessions.find(token) is None


async def test_an_account_has_a_bounded_number(sessions: Sessions, account: Account, wall: Clock) -> None:
    _, first = await begun(sessions, account)
    for _ in range(MOST_SESSIONS):
        wall.now += 1
        await begun(sessions, account)
    assert len(await sessions.of_account(account.id)) == MOST_SESSIONS
    assert await sessions.find(first) is None


async def test_it_goes_on_for_a_minute_without_the_database(
    sessions: Sessions, database: Database, account: Account, monotonic: Clock
) -> None:
    _, token = await begun(sessions, account)
    assert await sessions.find(token)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE sessions RENAME TO away"))
    try:
        monotonic.now += KNOWN_SECONDS - 1
        assert await sessions.find(token)
        monotonic.now += 1
        with pytest.raises(DatabaseAway):
            await sessions.find(token)
        with pytest.raises(DatabaseAway):
            await sessions.find("pses_" + "b" * 43)
    finally:
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO sessions"))
    assert await sessions.find(token)


async def test_what_a_browser_says_of_itself_is_cut_and_cleaned(sessions: Sessions, account: Account) -> None:
    session, _ = await sessions.begin(account, client="evil\x00\r\n\u202e" + "x" * 1000)
    assert len(session.client) <= 200
    assert session.client.isprintable()
