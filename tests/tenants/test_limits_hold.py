"""Hypothesis against the limiter: whatever comes in whatever order, a naive memory of every event agrees with it."""

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from limited import Clock, run

from penstock.errors import NeverFits, RateLimited
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.counts import STALE_SECONDS
from penstock.tenants.limits import Grant, Used, Worst
from penstock.tenants.plans import Limits, Plan
from penstock.tenants.windows import RESOLUTION

MINUTE = 60.0
PART = MINUTE / RESOLUTION
FIGURES: dict[str, dict[str, Any]] = {
    "acct": {"requests_per_minute": 6, "output_tokens_per_minute": 100, "concurrency": 4},
    "maker": {"requests_per_minute": 5, "input_tokens_per_minute": 50},
    "made": {"output_tokens_per_minute": 60, "concurrency": 2},
}
CHAINS = {"maker": ("acct", "maker"), "made": ("acct", "made", "maker")}


@dataclass
class Event:
    """One request that was let in."""

    subjects: tuple[str, ...]
    began: float
    worst: Worst
    grant: Grant
    ended: float | None = None
    used: Used | None = None
    refunded: bool = False

    def amount(self, figure: str, *, settled: bool) -> int:
        if figure == "requests_per_minute":
            return 1
        tokens = self.used if settled else self.worst
        assert tokens is not None
        return tokens.input_tokens if figure.startswith("input") else tokens.output_tokens


class Limited(RuleBasedStateMachine):
    """An account, a key, and a key that this one made; requests that start, end, fail and are refused."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.limits = self.clock.limits()
        self.figures = {name: dict(figures) for name, figures in FIGURES.items()}
        self.events: list[Event] = []
        self.callers: dict[str, Caller] = {}

    def caller(self, key: str) -> Caller:
        """The same object until something changes, or it is looked up anew, as it is for a server."""
        if key not in self.callers:
            self.callers[key] = self.looked_up(key)
        return self.callers[key]

    def looked_up(self, key: str) -> Caller:
        subjects = tuple(
            Subject(name, Plan(**self.figures[name]) if name == "acct" else Limits(**self.figures[name]))
            for name in CHAINS[key]
        )
        return Caller("acct", key, "", subjects=subjects)

    def taken(self, subject: str, figure: str, *, since: float) -> int:
        """By the naive memory: what counts for a figure, worst cases of what is under way included."""
        events = [event for event in self.events if subject in event.subjects and not event.refunded]
        if figure == "concurrency":
            return sum(event.ended is None for event in events)
        if figure == "requests_per_minute":
            return sum(event.began > since for event in events)
        under_way = sum(event.amount(figure, settled=False) for event in events if event.ended is None)
        ended = sum(event.amount(figure, settled=True) for event in events if (event.ended or 0) > since)
        return under_way + ended

    def fits(self, key: str, worst: Worst, *, longer: float) -> bool:
        """Whether all figures have room, where everything counts so much longer than it has to."""
        since = self.clock.now - MINUTE - longer
        asked = {
            "requests_per_minute": 1,
            "concurrency": 1,
            "input_tokens_per_minute": worst.input_tokens,
            "output_tokens_per_minute": worst.output_tokens,
        }
        return all(
            not asked[figure] or self.taken(subject, figure, since=since) + asked[figure] <= limit
            for subject in CHAINS[key]
            for figure, limit in self.figures[subject].items()
        )

    @rule(seconds=st.integers(0, 1024 * 40).map(lambda parts: parts / 1024))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([MINUTE, STALE_SECONDS]))
    def stay_away(self, seconds: float) -> None:
        """Long enough for windows to be empty, or for whoever does not come again to be forgotten."""
        self.clock.advance(seconds)

    @rule(key=st.sampled_from(sorted(CHAINS)))
    def look_up_anew(self, key: str) -> None:
        self.callers.pop(key, None)

    @rule(key=st.sampled_from(sorted(CHAINS)))
    def look_at_the_headers(self, key: str) -> None:
        standing = self.limits.standing(self.caller(key), "m")
        for told, figures in (
            (standing.requests, ("requests_per_minute",)),
            (standing.tokens, ("input_tokens_per_minute", "output_tokens_per_minute")),
        ):
            least, most = (self.left(key, figures, longer=longer) for longer in (PART, 0.0))
            assert least <= told.remaining <= most

    def left(self, key: str, figures: tuple[str, ...], *, longer: float) -> int:
        """Of the tightest of these figures, where everything counts so much longer than it has to."""
        since = self.clock.now - MINUTE - longer
        left: list[int] = [
            limit - self.taken(subject, figure, since=since)
            for subject in CHAINS[key]
            for figure, limit in self.figures[subject].items()
            if figure in figures
        ]
        return max(0, min(left))

    @rule(key=st.sampled_from(sorted(CHAINS)), reads=st.integers(0, 55), writes=st.integers(0, 70))
    def ask(self, key: str, reads: int, writes: int) -> None:
        worst = Worst(reads, writes)
        try:
            grant = run(self.limits.admit(self.caller(key), "m", worst))
        except RateLimited as error:
            assert not self.fits(key, worst, longer=PART), "refused, and there was room"
            self.comes_true(key, worst, error)
            return
        assert self.fits(key, worst, longer=0), "let in, and there was no room"
        self.events.append(Event(CHAINS[key], self.clock.now, worst, grant))

    def comes_true(self, key: str, worst: Worst, error: RateLimited) -> None:
        """After `retry_after` the same passes, if nothing else comes; unless others under way hold the place."""
        if isinstance(error, NeverFits):
            assert error.retry_after is None
            return
        assert error.retry_after is not None
        if any(event.ended is None for event in self.events):
            return
        now = self.clock.now
        self.clock.now = now + error.retry_after
        assert self.fits(key, worst, longer=0)
        self.clock.now = now + error.retry_after - PART - 1 / 1024
        assert self.clock.now < now or not self.fits(key, worst, longer=PART)
        self.clock.now = now

    @rule(which=st.integers(0, 100), share=st.floats(0, 1))
    def end(self, which: int, share: float) -> None:
        under_way = [event for event in self.events if event.ended is None]
        if under_way:
            event = under_way[which % len(under_way)]
            event.used = Used(int(event.worst.input_tokens * share), int(event.worst.output_tokens * share))
            event.ended = self.clock.now
            event.grant.settle(event.used)
            event.grant.settle(None)

    @rule(which=st.integers(0, 100))
    def fail(self, which: int) -> None:
        under_way = [event for event in self.events if event.ended is None]
        if under_way:
            event = under_way[which % len(under_way)]
            event.ended, event.used, event.refunded = self.clock.now, Used(0, 0), True
            event.grant.settle(None)
            event.grant.settle(event.used)

    @rule(limit=st.integers(1, 8))
    def change_the_plan(self, limit: int) -> None:
        self.figures["acct"]["requests_per_minute"] = limit
        self.callers.clear()

    @invariant()
    def no_window_holds_more_than_was_allowed(self) -> None:
        """By when requests began, and by when they ended; of the figures that nothing changes in between."""
        for subject, figure, limit in (
            ("acct", "output_tokens_per_minute", 100),
            ("maker", "input_tokens_per_minute", 50),
            ("maker", "requests_per_minute", 5),
            ("made", "output_tokens_per_minute", 60),
        ):
            mine = [event for event in self.events if subject in event.subjects and event.ended and not event.refunded]
            for moment in ("began", "ended") if figure != "requests_per_minute" else ("began",):
                for last in mine:
                    end = getattr(last, moment)
                    window = [event for event in mine if end - MINUTE < getattr(event, moment) <= end]
                    assert sum(event.amount(figure, settled=True) for event in window) <= limit


TestLimited = Limited.TestCase
TestLimited.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
