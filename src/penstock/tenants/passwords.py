"""Passwords: hashed with argon2id, in a thread, a few at a time.

19 MiB, two passes and one lane are OWASP's first recommendation. What a password has to be follows NIST SP 800-63B:
long enough, not one that everybody tries, and no rule about digits and signs.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from penstock.errors import InvalidRequest, ServerOverloaded

SHORTEST, LONGEST = 12, 1024
"""In characters, after NFKC."""

T = TypeVar("T")

_AT_ONCE = 2
_MOST_WAITING = 64

# Of the same cost as a real one, and of no password: what is checked where there is no account.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cy1zYWx0Lg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

# Of the lists of leaked passwords, what is long enough to get through otherwise.
_COMMON = frozenset(
    """
    123456789012 1234567890123 1234567890123456 012345678910 password1234 password12345 password123456 passwordpassword
    qwertyuiop12 qwertyuiop123 qwertyuiopasdfghjkl 1q2w3e4r5t6y 1qaz2wsx3edc iloveyou1234 administrator administrator1
    letmeinletmein changemechangeme welcome12345 welcome123456 abcdefghijkl abc123abc123
    """.split()  # noqa: SIM905 -- twenty strings in quotes say less
)


class Passwords:
    """Hashes and checks passwords; each takes some 30 ms of a core and 19 MiB, so only two run at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str, *, known: tuple[str, ...] = ()) -> str:
        """What may be kept of a new password. `known` is what others know of its owner: the name, the e-mail.

        Raises InvalidRequest for one that is too short, too long or easily guessed, ServerOverloaded as `verify`.
        """
        return await self._in_thread(self._hash, _acceptable(password, known))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether `kept` is of this password; None, where there is none to compare with, takes the same time.

        Raises ServerOverloaded where too many wait to be checked.
        """
        return await self._in_thread(self._matches, kept or _NOBODYS, _normal(password))

    async def rehash(self, password: str) -> str:
        """A fresh hash of a password that was just verified, whatever is asked of new ones."""
        return await self._in_thread(self._hash, _normal(password))

    def needs_rehash(self, kept: str) -> bool:
        """Whether it was made with other figures than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _hash(self, password: bytes) -> str:
        return self._hasher.hash(password)

    def _matches(self, kept: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= _MOST_WAITING:
            raise ServerOverloaded("Too many passwords wait to be checked. Try again in a moment.", retry_after=2)
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1


def _normal(password: str) -> bytes:
    # As NIST has it: the same password typed on two keyboards is the same. Cut, for the cost of hashing what is absurd.
    return unicodedata.normalize("NFKC", password[: 2 * LONGEST]).encode("utf-8", "surrogatepass")


def _acceptable(password: str, known: tuple[str, ...]) -> bytes:
    normal = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise InvalidRequest(f"A password has {SHORTEST} to {LONGEST} characters.", param="password")
    folded = normal.casefold()
    if folded in _COMMON or len(set(folded)) < 4 or folded in {each.casefold() for each in known}:
        raise InvalidRequest(
            "This password is too easily guessed. Four or five words that have nothing to do with each other make a "
            "good one.",
            param="password",
        )
    return _normal(password)
