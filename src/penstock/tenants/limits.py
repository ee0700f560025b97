"""The seam of limits: what a request may use is reserved at once, and corrected by what it used.

`MemoryLimits` in memory_limits.py keeps the counts in this process; `ValkeyLimits` in valkey_limits.py shares them
among several.
"""

import math
from typing import Protocol

from msgspec import Struct

from penstock.tenants.caller import Caller

NO_LIMIT = 2**31 - 1
"""What headers say where nothing is limited: clients read a number there, and most of them into 32 bits."""


class Worst(Struct, frozen=True, gc=False):
    """The most that a request can use: tokens, and picos of money."""

    input_tokens: int
    output_tokens: int
    cost: int = 0


class Used(Struct, frozen=True, gc=False):
    """What it did use, from the engine's counts."""

    input_tokens: int
    output_tokens: int
    cost: int = 0


class Allowance(Struct, frozen=True, gc=False):
    """One limit as its user sees it: `remaining` of `limit`, and seconds until all of it is there again."""

    limit: int = NO_LIMIT
    remaining: int = NO_LIMIT
    reset_seconds: float = 0.0


class Standing(Struct, frozen=True, gc=False):
    """What the headers of an answer tell: the tightest limit on requests, and the tightest one on tokens."""

    requests: Allowance = Allowance()
    tokens: Allowance = Allowance()


class Figure(Struct, frozen=True, gc=False):
    """One limit of somebody whose use is counted, and what there is of it: requests, tokens, or picos of money."""

    subject_id: str
    model: str
    """The model that it counts alone; empty: all that have no figure of their own."""
    name: str
    """As plans have it."""
    limit: int
    used: int
    held: int
    """What requests under way may come to use."""
    reset_seconds: float
    """Until all of it is there again, if nothing more comes."""


class Grant(Protocol):
    """What was reserved for one request. Settled once, by a plain call that never waits; later calls do nothing."""

    def settle(self, used: Used | None) -> None:
        """Correct the reservation by what was used; with None give all back, the request included."""

    def standing(self) -> Standing:
        """Where the caller stands now, for the request's model."""


class Limiter(Protocol):
    """Keeps counts, and holds the limits."""

    async def admit(self, caller: Caller, model: str, worst: Worst) -> Grant:
        """Reserve one request, its place among those under way, its tokens and its cost: all of it or nothing.

        Raises RateLimited (its `limit` names the figure), NeverFits where it is more than a limit in all, or
        InsufficientQuota.
        """

    def admit_now(self, caller: Caller, model: str, worst: Worst) -> Grant | None:
        """The same as a plain call; None where it has to be waited for, and `admit` asked."""

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """Where the caller stands, as far as this process knows."""

    def figures(self, caller: Caller, model: str = "") -> list[Figure]:
        """Every limit on requests to `model`, by default on those to any without its own; as far as this process
        knows."""


class Free:
    """The grant of a request that nothing limits yet: what stands in before `admit`."""

    def settle(self, used: Used | None) -> None:
        """Nothing was reserved."""

    def standing(self) -> Standing:
        return Standing()


_LINES = b"""\
x-ratelimit-limit-requests: %d\r
x-ratelimit-remaining-requests: %d\r
x-ratelimit-reset-requests: %b\r
x-ratelimit-limit-tokens: %d\r
x-ratelimit-remaining-tokens: %d\r
x-ratelimit-reset-tokens: %b\r
"""
HEADERS = tuple(line.partition(b":")[0].decode() for line in _LINES.splitlines())
"""The names of those that tell a caller's standing."""


def header_lines_of(standing: Standing) -> bytes:
    """The six `x-ratelimit-*` headers, as they go over the wire: formatted at once, as every answer has them."""
    requests, tokens = standing.requests, standing.tokens
    return _LINES % (
        requests.limit,
        requests.remaining,
        duration(requests.reset_seconds),
        tokens.limit,
        tokens.remaining,
        duration(tokens.reset_seconds),
    )


def duration(seconds: float) -> bytes:
    """Seconds as OpenAI writes a duration: `20ms`, `1s`, `6m0s`, `1h2m3s`; rounded up."""
    milliseconds = math.ceil(seconds * 1000)
    if milliseconds < 1000:
        return b"%dms" % milliseconds
    whole = -(-milliseconds // 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return b"%dh%dm%ds" % (hours, minutes, rest)
    return b"%dm%ds" % (minutes, rest) if minutes else b"%ds" % rest
