"""Limits of a server that has lost the store it shares them by: of each limit its own share, and no more."""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from penstock.errors import InsufficientQuota, NeverFits, RateLimited
from penstock.protocol.price import PICOS
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.limits import Figure, Grant, Standing, Used, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.plans import ModelLimits
from penstock.tenants.rules import FIGURES, Quantity, Rule, asked_of
from penstock.tenants.shared_rules import PICOS_IN_UNIT, Hearsay, Rulebook, id_of
from penstock.tenants.tally import Check

_CALLERS_KEPT = 1000
_RETRY_SECONDS = 5.0
"""When to come back for what would fit the whole limit and not a share of it: the store is asked again as often."""


class Shares:
    """How much of each limit is for one of several servers. What all of them have together is the limit exactly."""

    def __init__(self, server: str, servers: Sequence[str]) -> None:
        self._server = server
        self._servers = sorted({*servers, server})

    def __len__(self) -> int:
        return len(self._servers)

    def of(self, limit: int, rule_id: str) -> int:
        """Who has what is left over goes by the rule's name, so that no server has it of all of them."""
        whole, rest = divmod(limit, len(self._servers))
        if not rest:
            return whole
        order = sorted(self._servers, key=lambda server: zlib.crc32(f"{rule_id}{server}".encode()))
        return whole + (order.index(self._server) < rest)


class Held:
    """What a request holds that began before the store was away."""

    def __init__(self, checks: list[Check], asked: tuple[int, ...], now: Callable[[], float]) -> None:
        """Takes at once, whatever room there is: the request is under way."""
        self._checks = [check for check in checks if check.quantity is not Quantity.REQUESTS]
        self._asked = asked
        self._now = now
        for check in self._checks:
            check.counted.held += asked[check.quantity]

    def settle(self, used: Used | None) -> None:
        """Called once."""
        now = self._now()
        amounts = (0, 0, used.input_tokens, used.output_tokens, used.cost) if used else (0, 0, 0, 0, 0)
        for check in self._checks:
            check.counted.held -= self._asked[check.quantity]
            if amount := amounts[check.quantity]:
                check.counted.add(now, amount)


class Alone:
    """The limits of one server for the time that the store is away.

    What was last heard of a window counts from the beginning, each server's share of it, so that nobody has a second
    window when the store goes.
    """

    def __init__(
        self,
        shares: Shares,
        hearsay: Hearsay,
        *,
        rulebook: Rulebook,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._shares = shares
        self._hearsay = hearsay
        self._rulebook = rulebook
        self._now = monotonic
        self._memory = MemoryLimits(monotonic=monotonic, wall=wall)
        self._callers: OrderedDict[str, tuple[Caller, Caller]] = OrderedDict()
        self._counts: dict[str, tuple[Check, int, float]] = {}

    async def admit(self, caller: Caller, model: str, worst: Worst) -> Grant:
        """As a Limiter does. What only fits the whole limit may come back: the store will."""
        share = self._share_of(caller)
        self._checks(share, model)
        try:
            return await self._memory.admit(share, model, worst)
        except RateLimited as error:
            raise self._eased(error, caller, model, worst) from None

    def standing(self, caller: Caller, model: str | None) -> Standing:
        """Where the caller stands with this server's share."""
        share = self._share_of(caller)
        self._checks(share, model or "")
        return self._memory.standing(share, model)

    def figures(self, caller: Caller, model: str) -> list[Figure]:
        """The same, limit by limit."""
        share = self._share_of(caller)
        self._checks(share, model)
        return self._memory.figures(share, model)

    def hold(self, caller: Caller, model: str, asked: tuple[int, ...]) -> Held:
        """Go on with a request that the store admitted."""
        return Held(self._checks(self._share_of(caller), model), asked, self._now)

    def since(self) -> Iterator[tuple[str, Rule, int]]:
        """What came into each window while the store was away: id of the rule, the rule, amount."""
        now = self._now()
        for rule_id, (check, begun_with, begun_at) in self._counts.items():
            if check.rule.seconds:
                left = begun_with if now < begun_at + check.rule.seconds else 0
                yield rule_id, check.rule, max(0, check.counted.total(now) - left)

    def _checks(self, share: Caller, model: str) -> list[Check]:
        now = self._now()
        checks = self._memory.checks(share, model, now)
        for check in checks:
            rule_id = id_of(check.rule)
            begun = self._counts.get(rule_id)
            if begun is None:
                self._counts[rule_id] = (check, self._begin(check, rule_id, now), now)
            elif begun[0].counted is not check.counted:
                self._counts[rule_id] = (check, 0, now)
        return checks

    def _begin(self, check: Check, rule_id: str, now: float) -> int:
        heard = self._hearsay.get(rule_id)
        used = heard.used_by(now) if heard and check.rule.seconds else 0
        part = -(-used // len(self._shares))
        if part:
            check.counted.add(now, part)
        return part

    def _share_of(self, caller: Caller) -> Caller:
        kept = self._callers.get(caller.key_id)
        if kept is not None and kept[0] is caller:
            return kept[1]
        share = replace(caller, subjects=tuple(self._subject(subject) for subject in caller.subjects))
        self._callers[caller.key_id] = (caller, share)
        if len(self._callers) > _CALLERS_KEPT:
            self._callers.popitem(last=False)
        return share

    def _subject(self, subject: Subject) -> Subject:
        limits = subject.limits
        figures: dict[str, Any] = self._figures(subject.id, limits, "")
        figures["models"] = {
            model: msgspec.structs.replace(own, **self._figures(subject.id, own, model))
            for model, own in limits.models.items()
        }
        if limits.monthly_budget is not None:
            figures["monthly_budget"] = self._budget(subject, limits.monthly_budget)
        return replace(subject, limits=msgspec.structs.replace(limits, **figures))

    def _figures(self, subject_id: str, limits: ModelLimits, model: str) -> dict[str, int]:
        return {
            name: self._shares.of(limit, f"{subject_id}:{name}:{model}")
            for name in FIGURES
            if (limit := getattr(limits, name)) is not None
        }

    def _budget(self, subject: Subject, budget: float) -> float:
        heard = self._hearsay.get(f"{subject.id}:monthly_budget:")
        spent = max(subject.spent, heard.used * PICOS_IN_UNIT if heard else 0) / PICOS
        before = subject.spent / PICOS
        # This server counts from what the ledger says, so what is spent beyond that comes off its share.
        return before + max(0.0, budget - spent) / len(self._shares) if spent < budget else min(before, budget)

    def _eased(self, error: RateLimited, caller: Caller, model: str, worst: Worst) -> RateLimited:
        asked = asked_of(worst)
        rules = self._rulebook.rules(caller, model)
        hopeless = any(
            asked[shared.rule.quantity] and shared.floor + asked[shared.rule.quantity] > shared.rule.limit
            for shared in rules
        )
        if hopeless and isinstance(error, NeverFits | InsufficientQuota):
            return error
        wait = _RETRY_SECONDS if error.retry_after is None else error.retry_after
        said = "The servers cannot reach the counts they share, and each allows its own share of a limit until then. "
        return RateLimited(said + error.message, limit=error.limit, retry_after=wait)


def held_in_store(rules: Sequence[Any], asked: tuple[int, ...]) -> Iterator[tuple[str, Rule, int]]:
    """What a request holds of each rule, in the store's units."""
    for shared in rules:
        amount = asked[shared.rule.quantity]
        if shared.rule.quantity is not Quantity.REQUESTS and amount:
            yield shared.id, shared.rule, amount
