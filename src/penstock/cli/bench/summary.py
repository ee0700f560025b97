"""What a step says in figures. Times are in milliseconds; only whole answers count in them, failures never."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock.cli.bench.load import Step
from penstock.cli.bench.outcome import Outcome
from penstock.cli.bench.plan import Load, Slo

_CURVE_POINTS = 101


@dataclass(frozen=True)
class Spread:
    """Of `count` samples. Percentiles are None where there are no samples."""

    count: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    curve: tuple[float, ...] = ()
    """The percentiles from 0 to 100 in steps of 1."""

    @classmethod
    def of(cls, seconds: Iterable[float], *, curve: bool = False) -> "Spread":
        values = sorted(1000 * one for one in seconds)
        if not values:
            return cls(0, None, None, None, None, None)
        return cls(
            count=len(values),
            mean=sum(values) / len(values),
            p50=quantile(values, 0.5),
            p95=quantile(values, 0.95),
            p99=quantile(values, 0.99),
            max=values[-1],
            curve=tuple(quantile(values, at / (_CURVE_POINTS - 1)) for at in range(_CURVE_POINTS)) if curve else (),
        )


@dataclass(frozen=True)
class Failures:
    """All failures of one code."""

    code: str
    count: int
    message: str
    """What the first of them said."""
    retry_after: tuple[float, float] | None
    """The shortest and the longest that the server asked to wait, in seconds."""


@dataclass(frozen=True)
class Summary:
    """The figures of one step. Rates are over the window, in which the whole load was on."""

    load: Load
    interrupted: bool
    window_seconds: float
    requests: int
    """Those that ended: answers and failures."""
    answers: int
    unfinished: int
    failures: tuple[Failures, ...]
    most_in_flight: int
    connections: int
    ttft_ms: Spread
    itl_ms: Spread
    """One sample for each answer of two tokens or more."""
    gap_ms: Spread
    """One sample for each two chunks of an answer."""
    e2e_ms: Spread
    tokens_per_second: float
    prompt_tokens_per_second: float | None
    answers_per_second: float
    good: int
    """Answers that kept the SLO."""
    goodput: float
    """Answers a second that kept it, of those in the window."""
    tokens_per_answer: float | None
    tokens_per_chunk: float | None
    prompt_tokens: float | None
    """Of one request, by the server's count."""
    cached_share: float | None
    """Of prompt tokens: what the server had read before."""
    counted_by_chunks: int
    """Answers whose tokens the server did not tell."""
    client_lag_ms: Spread
    client_cpu: float

    @property
    def failed(self) -> int:
        return self.requests - self.answers


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the ordered values lies, between two of them in proportion."""
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summed(step: Step, slo: Slo) -> Summary:
    """The figures of a step, whether it came to its end or not."""
    answers = [one for one in step.outcomes if one.failure is None]
    good = [one for one in answers if keeps(one, slo)]
    window = max(step.until - step.began, 1e-9)
    chunks = sum(len(one.texts) for one in answers)
    tokens = sum(one.tokens for one in answers)
    prompts = [one.prompt_tokens for one in answers if one.prompt_tokens is not None]
    # What an answer that failed had written was written all the same, but it is nothing that anybody could use.
    written = sum(one.tokens_within(step.began, step.until) for one in answers)
    return Summary(
        load=step.load,
        interrupted=step.interrupted,
        window_seconds=window,
        requests=len(step.outcomes),
        answers=len(answers),
        unfinished=step.unfinished,
        failures=_failures(step.outcomes),
        most_in_flight=step.most_in_flight,
        connections=step.connections,
        ttft_ms=Spread.of((one.ttft for one in answers), curve=True),
        itl_ms=Spread.of(one.itl for one in answers if one.itl is not None),
        gap_ms=Spread.of(gap for one in answers for gap in one.gaps),
        e2e_ms=Spread.of((one.e2e for one in answers), curve=True),
        tokens_per_second=written / window,
        prompt_tokens_per_second=_begun_within(step, answers) / window if prompts else None,
        answers_per_second=_ended_within(step, answers) / window,
        good=len(good),
        goodput=_ended_within(step, good) / window,
        tokens_per_answer=tokens / len(answers) if answers else None,
        tokens_per_chunk=tokens / chunks if chunks else None,
        prompt_tokens=sum(prompts) / len(prompts) if prompts else None,
        cached_share=sum(one.cached_tokens for one in answers) / sum(prompts) if sum(prompts) else None,
        counted_by_chunks=sum(one.told_tokens is None for one in answers),
        client_lag_ms=Spread.of(step.lag.late),
        client_cpu=step.lag.cpu_share,
    )


def keeps(outcome: Outcome, slo: Slo) -> bool:
    """Whether an answer keeps the SLO. One of a single token has no ITL to break it with."""
    itl = outcome.itl
    return (slo.ttft is None or outcome.ttft <= slo.ttft) and (slo.itl is None or itl is None or itl <= slo.itl)


def _ended_within(step: Step, outcomes: list[Outcome]) -> int:
    return sum(one.ended <= step.until for one in outcomes)


def _begun_within(step: Step, outcomes: list[Outcome]) -> int:
    """Prompt tokens that had been read by the end of the window, as the first token of their answers shows."""
    return sum(one.prompt_tokens or 0 for one in outcomes if one.texts[0] <= step.until)


def _failures(outcomes: list[Outcome]) -> tuple[Failures, ...]:
    """By code, the most frequent first."""
    failed = [one.failure for one in outcomes if one.failure is not None]
    codes = sorted({one.code for one in failed}, key=lambda code: (-sum(one.code == code for one in failed), code))
    told = []
    for code in codes:
        these = [one for one in failed if one.code == code]
        waits = [one.retry_after for one in these if one.retry_after is not None]
        told.append(Failures(code, len(these), these[0].message, (min(waits), max(waits)) if waits else None))
    return tuple(told)
