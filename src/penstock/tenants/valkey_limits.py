"""Limits that several servers share by a Valkey or Redis; decision 19 tells how, and what holds while it is away."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock.tenants.alone import Alone, Shares, held_in_store
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Figure, Free, Grant, Standing, Used, Worst
from penstock.tenants.refusals import UNDER_WAY_SECONDS, Reached, refusal
from penstock.tenants.rules import Quantity, asked_of
from penstock.tenants.shared_rules import PICOS_IN_UNIT, Hearsay, Rulebook, SharedRule, amounts_of, in_units
from penstock.tenants.valkey_store import Call, StoreAway, ValkeyStore

BEAT_SECONDS = 10.0
"""How often a server says that it lives; what it holds is free 45 s after the last time."""
_PAUSES = (0.25, 0.5, 1.0, 2.0, 5.0)
_BATCH = 128
_RESTORED_AT_ONCE = 200
_LEAVE_SECONDS = 2.0

log = logging.getLogger(__name__)


class _Forgotten(Exception):
    """The store does not know this server, or no more."""


@dataclass(slots=True, eq=False)
class Ask:
    """A request that waits to be admitted."""

    caller: Caller
    model: str
    rules: list[SharedRule]
    worst: Worst
    future: "asyncio.Future[SharedGrant]"


@dataclass(slots=True, eq=False)
class Tell:
    """What a request used, on its way to the store."""

    grant: "SharedGrant"
    used: Used | None


class SharedGrant:
    """What one request reserved, in the store or, while that is away, here."""

    __slots__ = ("_limits", "_settled", "asked", "at", "caller", "local", "model", "rules")

    def __init__(self, limits: "ValkeyLimits", ask: Ask, *, at: int = 0, local: Any = None) -> None:
        """`at` is the store's time of admission, in microseconds; 0 where it was admitted without it."""
        self._limits = limits
        self._settled = False
        self.caller, self.model, self.rules = ask.caller, ask.model, ask.rules
        self.asked = asked_of(ask.worst)
        self.at = at
        self.local = local

    def settle(self, used: Used | None) -> None:
        """Correct the reservation by what was used; with None give all back, the request included."""
        if not self._settled:
            self._settled = True
            self._limits.settle(self, used)

    def standing(self) -> Standing:
        return self._limits.standing(self.caller, self.model)


class ValkeyLimits:
    """The `Limiter` of servers that share their limits. `start` it, and `close` it."""

    def __init__(
        self,
        store: ValkeyStore,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`wall` only tells which month the ledger's word is of."""
        self._store, self._monotonic, self._wall = store, monotonic, wall
        self._rulebook, self._hearsay = Rulebook(), Hearsay()
        self._name, self._run, self._servers = "", "", [""]
        self._queue: deque[Ask | Tell] = deque()
        self._flying: list[Ask | Tell] = []
        self._open: set[SharedGrant] = set()
        self._work = asyncio.Event()
        self._closing = False
        self._beat_at = 0.0
        self._alone: Alone | None = self._new_alone()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Waits for the first try to reach the store; where that fails, limits are this server's own until it is."""
        try:
            await self._join()
        except StoreAway as error:
            self._leave_store(error)
        self._running = asyncio.create_task(self._run_on(), name="shared limits")

    async def close(self) -> None:
        """Send what waits to be sent, and free what this server holds."""
        self._closing = True
        self._work.set()
        if self._running is not None:
            _, late = await asyncio.wait({self._running}, timeout=_LEAVE_SECONDS)
            for task in late:
                task.cancel()
                await asyncio.wait({task})
        with suppress(StoreAway):
            if self._alone is None:
                await self._store.ask([("leave", (self._name,))])
        await self._store.close()

    @property
    def shared(self) -> bool:
        """Whether the store is there."""
        return self._alone is None

    def admit_now(self, caller: Caller, model: str, worst: Worst) -> None:
        """None: the store is asked for each request."""

    async def admit(self, caller: Caller, model: str, worst: Worst) -> Grant:
        """One round trip, shared with whatever else is asked meanwhile."""
        rules = self._rulebook.rules(caller, model)
        if not rules:
            return Free()
        ask = Ask(caller, model, rules, worst, asyncio.get_running_loop().create_future())
        if self._alone is None:
            self._put(ask)
            try:
                return await ask.future
            except asyncio.CancelledError:
                if ask.future.done() and not ask.future.cancelled() and ask.future.exception() is None:
                    ask.future.result().settle(None)
                raise
            except StoreAway:
                pass
        return await self._admit_alone(ask)

    async def _admit_alone(self, ask: Ask) -> Grant:
        alone = self._alone or self._new_alone()
        local = await alone.admit(ask.caller, ask.model, ask.worst)
        grant = SharedGrant(self, ask, local=local)
        self._open.add(grant)
        return grant

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        """As the store last told it; all is there of what it told nothing of."""
        if self._alone is not None:
            return self._alone.standing(caller, model)
        return self._hearsay.standing(self._rulebook.rules(caller, model or ""), self._monotonic())

    def figures(self, caller: Caller, model: str = "") -> list[Figure]:
        """The same, limit by limit."""
        if self._alone is not None:
            return self._alone.figures(caller, model)
        return self._hearsay.figures(self._rulebook.rules(caller, model), self._monotonic())

    def settle(self, grant: SharedGrant, used: Used | None) -> None:
        """For the grant alone: once."""
        self._open.discard(grant)
        if self._alone is not None:
            grant.local.settle(used)
        else:
            self._put(Tell(grant, used))

    def _put(self, each: Ask | Tell) -> None:
        self._queue.append(each)
        self._work.set()

    def _new_alone(self) -> Alone:
        shares = Shares(self._name, self._servers)
        return Alone(shares, self._hearsay, rulebook=self._rulebook, monotonic=self._monotonic, wall=self._wall)

    async def _run_on(self) -> None:
        failures = 0
        while True:
            try:
                if self._alone is not None:
                    await self._join()
                    log.warning("The store of shared limits at %s is back; limits are shared again.", self._store.place)
                failures = 0
                await self._serve()
            except _Forgotten:
                await self._join_again()
            except StoreAway as error:
                self._leave_store(error)
            if self._closing:
                return
            if self._alone is not None:
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1

    async def _join_again(self) -> None:
        try:
            await self._join()
        except StoreAway as error:
            self._leave_store(error)

    async def _serve(self) -> None:
        while not self._closing or self._queue:
            if not self._queue:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, self._beat_at - self._monotonic())):
                        await self._work.wait()
            self._work.clear()
            beats = self._monotonic() >= self._beat_at
            self._flying = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            self._flying = [each for each in self._flying if not (isinstance(each, Ask) and each.future.done())]
            calls = [self._call(each) for each in self._flying]
            if beats:
                calls.append(("beat", (self._name,)))
            if calls:
                self._hear(await self._store.ask(calls), beats)

    def _call(self, each: Ask | Tell) -> Call:
        if isinstance(each, Ask):
            asked = in_units(asked_of(each.worst))
            rules = [
                (shared.id, shared.rule.quantity, int(shared.rule.seconds), shared.limit, asked[shared.rule.quantity],
                 -(-shared.floor // PICOS_IN_UNIT))
                for shared in each.rules
            ]  # fmt: skip
            today = datetime.fromtimestamp(self._wall(), UTC)
            return "admit", (self._name, today.year * 100 + today.month, rules)
        grant = each.grant
        used = amounts_of(each.used) if each.used is not None else (-1 if grant.at else 0, 0, 0, 0, 0)
        held = in_units(grant.asked)
        return "settle", (
            self._name,
            grant.at,
            [
                (shared.id, shared.rule.quantity, int(shared.rule.seconds), held[shared.rule.quantity],
                 used[shared.rule.quantity])
                for shared in grant.rules
            ],
        )  # fmt: skip

    def _hear(self, answers: list[Any], beats: bool) -> None:
        flying, self._flying = self._flying, []
        forgotten: list[Ask | Tell] = []
        for each, answer in zip(flying, answers, strict=False):
            if isinstance(each, Tell):
                self._learn(each.grant.rules, answer)
            elif answer[0] == "unknown":
                forgotten.append(each)
            else:
                self._decide(each, answer)
        if beats:
            self._beat_at = self._monotonic() + BEAT_SECONDS
            self._servers = answers[-1] or self._servers
        if forgotten or (beats and not answers[-1]):
            self._queue.extendleft(reversed(forgotten))
            raise _Forgotten

    def _learn(self, rules: Sequence[SharedRule], told: Sequence[Any]) -> None:
        now = self._monotonic()
        for shared, state in zip(rules, told, strict=True):
            self._hearsay.learn(shared, state, now)

    def _decide(self, ask: Ask, answer: list[Any]) -> None:
        self._learn(ask.rules, answer[2:])
        if answer[0] == "admitted":
            grant = SharedGrant(self, ask, at=answer[1])
            self._open.add(grant)
            if ask.future.done():  # whoever asked is gone
                grant.settle(None)
            else:
                ask.future.set_result(grant)
        elif not ask.future.done():
            ask.future.set_exception(refusal(ask.caller, ask.model, _reached(ask, answer[2:])))

    def _leave_store(self, error: StoreAway) -> None:
        if not self._alone or self._running is None:
            log.warning(
                "The store of shared limits at %s is away: %s. Until it is back this server allows its share of each "
                "limit, 1 of %d.", self._store.place, error, len(set(self._servers)),
            )  # fmt: skip
        if self._alone is not None:
            return
        alone = self._alone = self._new_alone()
        waiting, self._flying = [*self._flying, *self._queue], []
        self._queue.clear()
        for grant in self._open:
            if grant.local is None:
                grant.local = alone.hold(grant.caller, grant.model, grant.asked)
        for each in waiting:
            if isinstance(each, Ask):
                if not each.future.done():
                    each.future.set_exception(error)
            else:  # perhaps the store has it, perhaps not: it counts
                local = each.grant.local or alone.hold(each.grant.caller, each.grant.model, each.grant.asked)
                local.settle(each.used)

    async def _join(self) -> None:
        """Come, or come back: with what is under way, and what was used meanwhile. Raises StoreAway."""
        life = await self._store.open()
        name = secrets.token_hex(8)
        [(first, servers)] = await self._store.ask([("join", (self._name, name))])
        run, alone = f"{life}:{first}", self._alone
        calls = self._restored(name, run, alone)
        # From here on nothing is counted alone that these calls do not tell; what is asked meanwhile waits for them.
        self._alone = None
        try:
            for at in range(0, len(calls), _BATCH):
                await self._store.ask(calls[at : at + _BATCH])
        except StoreAway:
            self._alone = alone
            self._go_on_alone()
            raise
        self._name, self._run, self._servers = name, run, servers
        self._beat_at = self._monotonic() + BEAT_SECONDS
        for grant in self._open:
            grant.local, grant.at = None, 0

    def _go_on_alone(self) -> None:
        if self._alone is None:  # it was shared before: what waits is taken care of where the store is left
            return
        waiting = list(self._queue)
        self._queue.clear()
        for each in waiting:
            if isinstance(each, Tell):
                each.grant.local.settle(each.used)
            elif not each.future.done():
                each.future.set_exception(StoreAway("it went again"))

    def _restored(self, name: str, run: str, alone: Alone | None) -> list[Call]:
        rules: dict[str, list[Any]] = {}
        if self._run and run != self._run:
            for rule_id, heard in self._hearsay.windows(self._monotonic()):
                _row(rules, rule_id, heard.rule)[3] = heard.used
        for rule_id, rule, amount in alone.since() if alone is not None else ():
            _row(rules, rule_id, rule)[4] += amount
        for grant in self._open:
            for rule_id, rule, amount in held_in_store(grant.rules, in_units(grant.asked)):
                _row(rules, rule_id, rule)[5] += amount
        rows = [row for row in rules.values() if any(row[3:])]
        starts = range(0, len(rows), _RESTORED_AT_ONCE)
        return [("restore", (name, run, rows[at : at + _RESTORED_AT_ONCE])) for at in starts]


def _row(rules: dict[str, list[Any]], rule_id: str, rule: Any) -> list[Any]:
    return rules.setdefault(rule_id, [rule_id, rule.quantity, int(rule.seconds), 0, 0, 0])


def _reached(ask: Ask, told: Sequence[Any]) -> list[Reached]:
    found = []
    asked, true = in_units(asked_of(ask.worst)), asked_of(ask.worst)
    for shared, (used, held, _, wait) in zip(ask.rules, told, strict=True):
        quantity = shared.rule.quantity
        if asked[quantity] and used + held + asked[quantity] > shared.limit:
            unit = PICOS_IN_UNIT if quantity is Quantity.MONEY else 1
            seconds = max(wait / 1e6, UNDER_WAY_SECONDS) if held else wait / 1e6
            found.append(Reached(shared.rule, used * unit, held * unit, true[quantity], seconds))
    return found
