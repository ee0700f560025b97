"""What the requests to each model came to, in the numbers that a monitoring system asks for."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock.inference.meter import Entry
from penstock.inference.ticket import Tier, tier_of
from penstock.tenants.plans import Limits
from penstock.tenants.usage import UsageRecord

# The bounds are those of vLLM's metrics of the same meaning, so that dashboards and alerts carry over.
_FIRST_TOKEN_BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
_INTER_TOKEN_BOUNDS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
_REQUEST_BOUNDS = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0),
    *(120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
_QUEUE_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, *_REQUEST_BOUNDS)

_NO_LIMITS_ON_USE = {"context", "max_output", "batch_lines", "stored_bytes", "models"}
LIMITS = tuple(name for name in Limits.__struct_fields__ if name not in _NO_LIMITS_ON_USE)
"""Every limit that a request can meet, by its name in plans."""


class Distribution:
    """How many spans fell into each bucket, and the sum of them all.

    The library's own histogram takes a lock and four calls for each number; this is fed by the event loop alone.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += times
        self._sum += seconds * times

    def write(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        """As cumulative buckets, each with what is at most its bound."""
        buckets, below = [], 0
        for bound, count in zip((*map(repr, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric(labels, buckets, self._sum)


class ModelMetrics:
    """The numbers of one model."""

    def __init__(self) -> None:
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.completion_tokens = 0
        self.reasoning_tokens = 0
        self.first_token = Distribution(_FIRST_TOKEN_BOUNDS)
        self.inter_token = Distribution(_INTER_TOKEN_BOUNDS)
        self.request = Distribution(_REQUEST_BOUNDS)
        self.queue = tuple(Distribution(_QUEUE_BOUNDS) for _ in Tier)

    def count_line(self, row: UsageRecord) -> None:
        """Take in a line of a batch."""
        self._count_tokens(row)
        if row.prefill_ms is not None:
            self.queue[Tier.BATCH].add(row.queue_ms / 1000)

    def _count_tokens(self, row: UsageRecord) -> None:
        self.prompt_tokens += row.prompt_tokens
        self.cached_tokens += row.cached_tokens
        self.completion_tokens += row.completion_tokens
        self.reasoning_tokens += row.reasoning_tokens

    def count(self, row: UsageRecord, entry: Entry) -> None:
        """Take in a request that is over."""
        self._count_tokens(row)
        if entry.entered is None:
            return
        self.queue[tier_of(row.tier, batch=row.batch)].add(row.queue_ms / 1000)
        self.request.add(row.total_ms / 1000)
        if row.ttft_ms is not None:
            self.first_token.add(row.ttft_ms / 1000)
        # Choices are written side by side: the longest one says how many steps there were.
        choices = entry.counts.completion
        if choices and row.decode_ms is not None and (steps := max(choices.values()) - 1) > 0:
            self.inter_token.add(row.decode_ms / 1000 / steps, steps)

    def tokens(self) -> Iterator[tuple[str, int]]:
        yield "input", self.prompt_tokens
        yield "cached_input", self.cached_tokens
        yield "output", self.completion_tokens
        yield "reasoning", self.reasoning_tokens


class RequestMetrics(Collector):
    """Counts every request at its end; the numbers are those of its row in the ledger."""

    def __init__(self, models: Iterable[str]) -> None:
        """`models` are told of from the beginning, with zeros: what appears with its first count hides that count."""
        self._requests: defaultdict[tuple[str, str, int, str, str], int] = defaultdict(int)
        self._models = defaultdict(ModelMetrics, {model: ModelMetrics() for model in models})
        self._limits = dict.fromkeys(LIMITS, 0)

    def limit_hit(self, limit: str) -> None:
        """Count a request that was refused by a limit of this name."""
        if limit in self._limits:
            self._limits[limit] += 1

    def lines(self, rows: Iterable[UsageRecord]) -> None:
        """Count lines of batches whose rows are in the ledger. Nobody waits for them: of their times only that in the
        queue is told, under a class of its own."""
        for row in rows:
            self._requests[row.model, row.endpoint, row.status, row.outcome, row.tier] += 1
            self._models[row.model].count_line(row)

    def ended(self, row: UsageRecord, entry: Entry) -> None:
        """Count a request that is over."""
        self._requests[row.model, row.endpoint, row.status, row.outcome, row.tier] += 1
        self._models[row.model].count(row, entry)

    def collect(self) -> Iterator[Metric]:
        """Everything counted so far."""
        labels = ("model", "endpoint", "status", "outcome", "tier")
        requests = CounterMetricFamily("penstock_requests", "Requests that are over", labels=labels)
        for (model, endpoint, status, outcome, tier), count in self._requests.items():
            requests.add_metric([model, endpoint, str(status), outcome, tier], count)
        yield requests
        tokens = CounterMetricFamily("penstock_tokens", "Tokens, as the ledger has them", labels=("model", "kind"))
        for model, numbers in self._models.items():
            for kind, count in numbers.tokens():
                tokens.add_metric([model, kind], count)
        yield tokens
        yield from self._spans()
        limits = CounterMetricFamily("penstock_limits_hit", "Requests refused by a limit", labels=("limit",))
        for limit, count in self._limits.items():
            limits.add_metric([limit], count)
        yield limits

    def _spans(self) -> Iterator[Metric]:
        for name, says, attribute in (
            ("time_to_first_token", "From a request's arrival to its first token", "first_token"),
            ("inter_token", "From one token to the next, as the mean of a request's", "inter_token"),
            ("request", "From a request's arrival to its end", "request"),
        ):
            family = HistogramMetricFamily(f"penstock_{name}_seconds", says, labels=("model",))
            for model, numbers in self._models.items():
                distribution: Distribution = getattr(numbers, attribute)
                distribution.write(family, [model])
            yield family
        says = "From a request's arrival to its slot of the engine"
        family = HistogramMetricFamily("penstock_queue_seconds", says, labels=("model", "class"))
        for model, numbers in self._models.items():
            for tier, distribution in zip(Tier, numbers.queue, strict=True):
                distribution.write(family, [model, tier.name.lower()])
        yield family
