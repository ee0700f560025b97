"""Limits that count what they refuse."""

from collections.abc import Callable

from penstock.errors import RateLimited
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Grant, Limiter, Standing, Worst


class CountedLimits:
    """Another limiter, of whose refusals `hit` is told by the name of the limit."""

    def __init__(self, limiter: Limiter, hit: Callable[[str], None]) -> None:
        self._limiter = limiter
        self._hit = hit

    async def admit(self, caller: Caller, model: str, worst: Worst) -> Grant:
        """As the other limiter does."""
        try:
            return await self._limiter.admit(caller, model, worst)
        except RateLimited as error:
            self._hit(error.limit)
            raise

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """As the other limiter knows it."""
        return self._limiter.standing(caller, model)
