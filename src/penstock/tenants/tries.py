"""Guesses at passwords: slowed down for each address and for each e-mail, without locking the owner out.

An address that fails often waits longer and longer, whatever it tries. An e-mail that many addresses try waits as well,
but not for an address that its owner has signed in from: who guesses cannot keep away whom they guess at.
"""

import hashlib
import ipaddress
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from penstock.errors import RateLimited

FREE_OF_ADDRESS = 20
"""Failures of one address that cost nothing; then there is a pause after each."""
FREE_OF_PAIR = 5
"""The same for one e-mail from one address."""
FREE_OF_EMAIL = 30
"""The same for one e-mail from all addresses that its owner was not seen at."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""In seconds; a pause is twice as long as the one before."""
LONGEST_PAUSE_OF_EMAIL = 4.0
"""Short, as an owner at a new address has to get through between the guesses of others."""
FORGIVEN_AFTER = 3600.0
"""Seconds without a failure after which all is forgotten."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_at: float = 0.0

    def free_at(self, bound: "_Bound") -> float:
        over = self.count - bound.free
        pause = min(FIRST_PAUSE * 2 ** min(over, 30), bound.longest_pause) if over >= 0 else 0.0
        return self.last_at + pause


@dataclass(frozen=True, slots=True)
class _Bound:
    which: bytes
    free: int
    longest_pause: float = LONGEST_PAUSE


class Tries:
    """What was tried of late, in bounded memory; of this process alone."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, entries: int = 20_000) -> None:
        self._monotonic = monotonic
        self._entries = entries
        self._failures: OrderedDict[bytes, _Failures] = OrderedDict()
        self._owners: OrderedDict[bytes, None] = OrderedDict()

    def begin(self, email: str, address: str) -> None:
        """Count one more try as failed, until `succeeded` says otherwise. Raises RateLimited where it comes too soon.

        Counted before it is known, so that who tries many at once gets no more of them.
        """
        now = self._monotonic()
        counted = self._counted(email, address)
        free_at = max(self._free_at(bound, now) for bound in counted)
        if free_at > now:
            message = "Too many attempts failed. Wait a moment before the next."
            raise RateLimited(message, retry_after=free_at - now)
        for bound in counted:
            failures = self._failures.setdefault(bound.which, _Failures())
            failures.count += 1
            failures.last_at = now
            self._failures.move_to_end(bound.which)
        while len(self._failures) > self._entries:
            self._failures.popitem(last=False)

    def succeeded(self, email: str, address: str) -> None:
        """The try that was begun had the right password: it is the owner, who is known at this address from now on."""
        self.take_back(email, address)
        pair = _pair(email, address)
        self._failures.pop(pair, None)
        self._owners[pair] = None
        self._owners.move_to_end(pair)
        if len(self._owners) > self._entries:
            self._owners.popitem(last=False)

    def take_back(self, email: str, address: str) -> None:
        """The try that was begun came to nothing, by no fault of whoever tried."""
        for bound in self._counted(email, address):
            failures = self._failures.get(bound.which)
            if failures is not None:
                failures.count -= 1

    def _counted(self, email: str, address: str) -> list[_Bound]:
        pair = _pair(email, address)
        counted = [_Bound(_mark("address", _network(address)), FREE_OF_ADDRESS), _Bound(pair, FREE_OF_PAIR)]
        if pair not in self._owners:
            counted.append(_Bound(_mark("email", _folded(email)), FREE_OF_EMAIL, LONGEST_PAUSE_OF_EMAIL))
        return counted

    def _free_at(self, bound: _Bound, now: float) -> float:
        failures = self._failures.get(bound.which)
        if failures is None:
            return 0.0
        if now - failures.last_at >= FORGIVEN_AFTER:
            del self._failures[bound.which]
            return 0.0
        return failures.free_at(bound)


def _pair(email: str, address: str) -> bytes:
    return _mark("pair", f"{_network(address)} {_folded(email)}")


def _folded(email: str) -> str:
    return unicodedata.normalize("NFC", email.strip()).lower()


def _network(address: str) -> str:
    """What one household or host has: of IPv6 the first 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _mark(kind: str, of: str) -> bytes:
    # Of one length, whatever was sent.
    return hashlib.blake2b(f"{kind} {of}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
