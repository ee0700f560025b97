"""Limits of an API process: the owner counts, for all processes and the lines of batches together."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace

from penstock.processes.link import Link, Refusal
from penstock.processes.messages import Admit, Admitted, Known, Left, Settle
from penstock.tenants.caller import Caller
from penstock.tenants.limits import NO_LIMIT, Allowance, Figure, Standing, Used, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import Limits
from penstock.tenants.rules import Quantity

_CALLERS_KEPT = 10_000


class AskedGrant:
    """What the owner reserved for one request."""

    __slots__ = ("_at", "_left", "_link", "_n", "_settled", "_worst")

    def __init__(self, link: Link, n: int, worst: Worst, left: list[Left]) -> None:
        self._link = link
        self._n = n
        self._worst = worst
        self._left = left
        self._at = time.monotonic()
        self._settled = False

    def settle(self, used: Used | None) -> None:
        """Correct the reservation by what was used; with None give all back, the request included."""
        if self._settled:
            return
        self._settled = True
        self._link.tell(Settle(self._n, used))
        # What the owner will count, so that the headers of this answer tell it already.
        back = (
            (1, 0, self._worst.input_tokens, self._worst.output_tokens)
            if used is None
            else (0, 0, self._worst.input_tokens - used.input_tokens, self._worst.output_tokens - used.output_tokens)
        )
        for each in self._left:
            each.remaining += back[each.quantity]

    def standing(self) -> Standing:
        """Where the caller stood when this request was counted, and what it gave back since."""
        return standing_of(self._left, time.monotonic() - self._at)


class AskedLimits:
    """The `Limiter` of an API process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._untouched = MemoryLimits()
        """Tells the limits of callers of whom nothing was heard yet."""
        self._refs: OrderedDict[str, tuple[Caller, int]] = OrderedDict()
        self._heard: OrderedDict[tuple[str, str | None], tuple[list[Left], float]] = OrderedDict()
        self._numbered = 0
        link.when_lost(self._refs.clear)

    def admit_now(self, caller: Caller, model: str, worst: Worst) -> None:
        """None: the owner is asked for each request."""

    async def admit(self, caller: Caller, model: str, worst: Worst) -> AskedGrant:
        """As a Limiter does. Raises Unavailable too, where the owner is away."""
        ref, n = self._ref(caller), self._link.number()
        asked = Admit(n, ref, model, worst.input_tokens, worst.output_tokens, worst.cost)
        try:
            admitted: Admitted = await self._link.ask(n, asked)
        except Refusal as refusal:
            self._keep(caller, model, refusal.told.left)
            raise refusal.error from None
        except asyncio.CancelledError:
            self._link.tell(Settle(n, None))
            raise
        self._keep(caller, model, admitted.left)
        return AskedGrant(self._link, n, worst, admitted.left)

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """Where the caller stood when one of its requests was last counted by way of this process."""
        heard = self._heard.get((caller.key_id, model))
        if heard is None:
            return self._untouched.standing(caller, model)
        return standing_of(heard[0], time.monotonic() - heard[1])

    def figures(self, caller: Caller, model: str = "") -> list[Figure]:
        """Every limit of the caller, untouched: who wants to know what is left asks the owner."""
        return self._untouched.figures(caller, model)

    def _ref(self, caller: Caller) -> int:
        known = self._refs.get(caller.key_id)
        if known is not None and known[0] is caller:
            return known[1]
        if known is None:
            self._numbered += 1
        ref = self._numbered if known is None else known[1]
        self._refs[caller.key_id] = (caller, ref)
        self._link.tell(Known(ref, _plain(caller)))
        return ref

    def _keep(self, caller: Caller, model: str, left: list[Left]) -> None:
        heard = (left, time.monotonic())
        for which in (model, None):
            self._heard[caller.key_id, which] = heard
            self._heard.move_to_end((caller.key_id, which))
        while len(self._heard) > _CALLERS_KEPT:
            self._heard.popitem(last=False)


def _plain(caller: Caller) -> Caller:
    """The caller, of whose plan only the limits are told."""
    subjects = tuple(replace(subject, limits=_figures(subject.limits)) for subject in caller.subjects)
    return replace(caller, subjects=subjects, bounds={})


def _figures(limits: Limits) -> Limits:
    return Limits(**{name: getattr(limits, name) for name in Limits.__struct_fields__})


def standing_of(left: list[Left], seconds: float) -> Standing:
    """What headers tell of limits that were so some seconds ago."""
    requests = [each for each in left if each.quantity == Quantity.REQUESTS]
    tokens = [each for each in left if each.quantity != Quantity.REQUESTS]
    return Standing(_tightest(requests, seconds), _tightest(tokens, seconds))


def _tightest(left: list[Left], seconds: float) -> Allowance:
    if not left:
        return Allowance()
    each = min(left, key=lambda each: (each.remaining, each.limit))
    if seconds >= each.reset_seconds:
        return Allowance(min(each.limit, NO_LIMIT), min(each.limit, NO_LIMIT))
    remaining = min(max(0, each.remaining), NO_LIMIT)
    return Allowance(min(each.limit, NO_LIMIT), remaining, each.reset_seconds - seconds)
