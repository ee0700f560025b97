"""What a request cost, written into the ledger once, whatever way the request ends."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Literal, Protocol

from msgspec import Struct

from penstock.engines.engine import Counts
from penstock.errors import ApiError, InternalError, PutBack, RateLimited
from penstock.inference.ticket import Ticket, tier_of
from penstock.inference.unfinished import Unfinished, gone_on
from penstock.protocol.answer import Usage
from penstock.protocol.chat import ChatRequest
from penstock.protocol.price import Price
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Free, Grant, Standing, Used
from penstock.tenants.speed import TELLING_STEPS
from penstock.tenants.usage import CLIENT_LEFT, UsageRecord

_HIGH_WEIGHT = 4.0
"""How much faster the turn of an account comes whose plan has the priority `high`."""


class Delivery(Protocol):
    """How the answer gets to whoever asked."""

    standing: Callable[[], Standing] | None
    """Where the caller stands with the limits of this request; None as long as nothing is known of them."""

    put_backs: int
    """How often it had to make way for somebody else and begin anew; counted here, over all tries of a line."""

    unfinished: Unfinished | None
    """What it had written by then, to go on with."""

    @property
    def batch(self) -> bool:
        """Whether it is a line of a batch, for which nobody waits: it enters only where an engine has room to spare."""

    @property
    def batch_id(self) -> str | None:
        """The batch that it is a line of."""

    @property
    def path(self) -> str:
        """The URL's path that was asked, as the ledger's `endpoint` has it."""

    @property
    def begun(self) -> bool:
        """Whether its status has been sent."""

    @property
    def broken_off(self) -> ApiError | None:
        """Why it is being broken off; None while it is not, and when it is the client that left."""


class Asked(Struct, frozen=True):
    """What a request is, before anything is known of its answer."""

    request_id: str
    model: str
    """The id, whatever name the client used."""
    streamed: bool = False
    tier: str = "default"
    batch: bool = False
    price: Price = Price()


class Recorder(Protocol):
    """Where rows go: the ledger, or whoever brings them there together with what they are for."""

    def check(self) -> None:
        """Raises DatabaseAway where there is no room for another row."""

    def record(self, row: UsageRecord) -> None:
        """Never waits and never fails."""


class Observer(Protocol):
    """Whom the meter tells of every request that is over, beside the ledger."""

    def ended(self, row: UsageRecord, entry: "Entry") -> None:
        """Never waits and never fails."""

    def limit_hit(self, limit: str) -> None:
        """A request was refused by the limit of this name. Never waits and never fails."""


class Unobserved:
    """Nobody is told."""

    def ended(self, row: UsageRecord, entry: "Entry") -> None:
        """Nothing is done."""

    def limit_hit(self, limit: str) -> None:
        """Nothing is done."""


class Entry:
    """One request while it runs: its times, and the counts of its engine."""

    __slots__ = (
        *("asked", "caller", "counts", "created", "entered", "finish_reason", "first_token", "last_token", "started"),
        *("_delivery", "_frees_at", "_grant", "_limit_hit", "_record", "_settled", "written"),
    )

    def __init__(
        self, caller: Caller, asked: Asked, delivery: Delivery, *, record: Callable[[UsageRecord, "Entry"], None]
    ) -> None:
        self.started = time.monotonic()
        self.created = time.time()
        self.entered: float | None = None
        self.first_token: float | None = None
        self.last_token: float | None = None
        self.counts = Counts()
        self.finish_reason: str | None = None
        self.written: list[str] | None = None
        """The text so far, where it is kept so that another try can go on with it."""
        self._record = record
        self.caller = caller
        self.asked = asked
        self._delivery = delivery
        self._grant: Grant = Free()
        self._limit_hit: str | None = None
        self._frees_at: float | None = None
        self._settled = False

    @property
    def broken_off(self) -> ApiError | None:
        """Why it is being broken off; None while it is not, and when it is the client that left."""
        return self._delivery.broken_off

    def limited_by(self, standing: Callable[[], Standing]) -> None:
        """The limits that hold for the request."""
        self._delivery.standing = standing

    def reserved(self, grant: Grant) -> None:
        """What was reserved for the request; it is settled with it."""
        self._grant = grant
        self.limited_by(grant.standing)

    def go_on(self, request: ChatRequest) -> tuple[ChatRequest, str]:
        """The request for what an earlier try left to write, and what that wrote; of this try the text is kept, too."""
        self.written = []
        unfinished = self._delivery.unfinished
        rest = None if unfinished is None else gone_on(request, unfinished)
        if unfinished is None or rest is None:
            return request, ""
        self.written = [unfinished.text]
        self.counts.earlier = unfinished.usage
        return rest, unfinished.text

    def ticket(self, *, tokens: int, places: int) -> Ticket:
        """What the door has to know of it. It may have so many `tokens` at most, and needs `places` slots at once."""
        return Ticket(
            account_id=self.caller.account_id,
            tokens=tokens,
            places=places,
            tier=tier_of(self.asked.tier, batch=self.asked.batch),
            weight=_HIGH_WEIGHT if self.caller.plan.priority == "high" else 1.0,
            ahead=self.asked.tier == "priority",
            put_backs=self._delivery.put_backs,
        )

    @property
    def stage(self) -> Literal["queued", "prefill", "decoding"]:
        """What it waits for: a slot of the engine, its first token, or the others."""
        if self.entered is None:
            return "queued"
        return "prefill" if self.first_token is None else "decoding"

    @property
    def tokens(self) -> int:
        """What the engine has read and written for it so far."""
        return self.counts.worked

    @property
    def step_seconds(self) -> float:
        """The time from token to token in the mean; 0 of a few tokens, which tell little."""
        # Choices are written side by side: the longest one says how many steps there were.
        steps = max(self.counts.completion.values(), default=0) - 1
        if steps < TELLING_STEPS or self.first_token is None or self.last_token is None:
            return 0.0
        return (self.last_token - self.first_token) / steps

    def complete(self) -> None:
        """The answer is whole. Called before its end is sent: who has seen the end finds the row, whatever happens."""
        self.settle("completed", 200)

    def settle(self, outcome: str, status: int, *, error_code: str | None = None) -> None:
        """Record the request and settle its grant; what is said later changes nothing.

        A plain call without an await, so no cancellation can come between a request and its row.
        """
        if self._settled:
            return
        self._settled = True
        # What failed is billed only where the client got something of it; an answer of 5xx is none.
        billed = outcome != "failed" or (self._delivery.begun and self.first_token is not None)
        usage = self.counts.usage()
        row = self._row(outcome, status, error_code, usage if billed else Counts().usage())
        self._record(row, self)
        # What failed before it gave anything does not count against the caller's limits.
        nothing = outcome == "failed" and self.first_token is None
        self._grant.settle(None if nothing else Used(usage.prompt_tokens, usage.completion_tokens, row.cost))

    def refused_by(self, error: RateLimited) -> None:
        """A limit refused the request; its row tells which one, and when it would have let the request in."""
        self._limit_hit = error.limit or None
        self._frees_at = None if error.retry_after is None else time.time() + error.retry_after

    def put_back(self) -> None:
        """The request begins anew later, or goes on. This try of it has no row, and nothing counts yet."""
        usage = self.counts.usage()
        if self.written is None:
            self._delivery.put_backs += 1
            self._delivery.unfinished = None
        elif usage.completion_tokens:
            self._delivery.unfinished = Unfinished("".join(self.written), usage)
        if not self._settled:
            self._settled = True
            self._grant.settle(None)

    def _row(self, outcome: str, status: int, error_code: str | None, usage: Usage) -> UsageRecord:
        asked, caller, delivery, price = self.asked, self.caller, self._delivery, self.asked.price
        started, entered, first, now = self.started, self.entered, self.first_token, time.monotonic()
        return UsageRecord(
            request_id=asked.request_id,
            account_id=caller.account_id,
            key_id=caller.key_id,
            project_id=caller.project_id,
            model=asked.model,
            endpoint=delivery.path,
            created_at=self.created,
            status=200 if delivery.begun else status,
            outcome=outcome,
            finish_reason=self.finish_reason,
            error_code=error_code,
            streamed=asked.streamed,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.prompt_tokens_details.cached_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.completion_tokens_details.reasoning_tokens,
            queue_ms=((entered or now) - started) * 1000,
            prefill_ms=between(entered, first),
            decode_ms=between(first, self.last_token),
            ttft_ms=between(started, first),
            total_ms=(now - started) * 1000,
            tier=asked.tier,
            batch=asked.batch,
            batch_id=delivery.batch_id,
            input_price=price.input,
            cached_input_price=price.cached_input,
            output_price=price.output,
            cost=price.cost(usage),
            limit_hit=self._limit_hit,
            frees_at=self._frees_at,
        )


def between(earlier: float | None, later: float | None) -> float | None:
    """Milliseconds from one moment to another; None where one of them never came."""
    return None if earlier is None or later is None else (later - earlier) * 1000


class InFlight:
    """The requests between their first check and their end, lines of batches among them, for whoever watches: one
    insertion and one removal a request, and nothing a token."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def entries(self) -> list[Entry]:
        """The oldest first."""
        return list(self._entries.values())

    def get(self, request_id: str) -> Entry | None:
        return self._entries.get(request_id)

    def add(self, entry: Entry) -> None:
        """The request of `entry` is under way."""
        self._entries[entry.asked.request_id] = entry

    def remove(self, entry: Entry) -> None:
        """It is not any more."""
        self._entries.pop(entry.asked.request_id, None)


class Meter:
    """Follows requests from their first check to their end."""

    def __init__(self, recorder: Recorder, observer: Observer | None = None, in_flight: InFlight | None = None) -> None:
        self._recorder = recorder
        self._observer = observer or Unobserved()
        self._in_flight = in_flight or InFlight()

    def follow(self, caller: Caller, asked: Asked, *, delivery: Delivery) -> "Followed":
        """A block that `begin`s a request when it is entered; that `ended` when it is left."""
        return Followed(self, caller, asked, delivery)

    def begin(self, caller: Caller, asked: Asked, delivery: Delivery) -> Entry:
        """A request to follow until it has `ended`. Raises DatabaseAway where there is no room left for its row."""
        self._recorder.check()
        entry = Entry(caller, asked, delivery, record=self._record)
        self._in_flight.add(entry)
        return entry

    def ended(self, entry: Entry, error: BaseException | None) -> None:
        """Record the request, if that was not done before: completed without an error, failed with the error's status,
        or aborted."""
        self._in_flight.remove(entry)
        if error is None:
            entry.complete()
        elif isinstance(error, PutBack):
            entry.put_back()
        elif isinstance(error, ApiError):
            if isinstance(error, RateLimited):
                self._observer.limit_hit(error.limit)
                entry.refused_by(error)
            entry.settle("failed", error.status, error_code=error.code)
        elif not isinstance(error, asyncio.CancelledError | GeneratorExit):
            entry.settle("failed", InternalError.status, error_code=InternalError.code)
        elif reason := entry.broken_off:
            entry.settle("failed", reason.status, error_code=reason.code)
        else:
            entry.settle("aborted", CLIENT_LEFT)

    def _record(self, row: UsageRecord, entry: Entry) -> None:
        self._recorder.record(row)
        self._observer.ended(row, entry)


class Followed:
    """See Meter.follow."""

    __slots__ = ("_begin", "_entry", "_meter")

    def __init__(self, meter: Meter, caller: Caller, asked: Asked, delivery: Delivery) -> None:
        self._meter = meter
        self._begin = partial(meter.begin, caller, asked, delivery)

    def __enter__(self) -> Entry:
        self._entry = self._begin()
        return self._entry

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._meter.ended(self._entry, error)
