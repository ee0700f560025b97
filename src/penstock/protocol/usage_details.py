"""What the rows of single requests tell and no sums do: which errors there were, and how long answers took."""

from typing import Literal

from msgspec import Struct


class ErrorCount(Struct, kw_only=True):
    """The requests that ended with one error."""

    code: str
    status: int
    requests: int


class Timing(Struct, kw_only=True):
    """How long some requests took; null where none of them tells. Lines of batches are left out: nobody waits."""

    requests: int
    """Those that gave a first token, which the percentiles are of."""
    ttft_p50_ms: float | None
    """Half of them had their first token after so many milliseconds."""
    ttft_p95_ms: float | None
    tokens_per_second: float | None
    """From the first token to the last, over all of them together that are long enough to tell."""


class TimingBucket(Timing, kw_only=True):
    """Those of one span of time, of which there are only such as have any."""

    start_time: int
    end_time: int


class TimingGroup(Timing, kw_only=True):
    """Those of one value of what was grouped by."""

    value: str


class Timings(Struct, kw_only=True):
    """Percentiles are counted out of rows, each of them, and never put together of other percentiles."""

    source: Literal["rows"] = "rows"
    rows: int
    """How many were looked at: the newest of the span, and no more than fifty thousand."""
    complete: bool
    """Whether these are all rows of the span that are kept."""
    since: float | None
    """When the oldest row that was looked at began, in seconds since 1970; null without any."""
    total: Timing
    buckets: list[TimingBucket]
    groups: list[TimingGroup]
    """By what was grouped by, those with the most requests first; at most a hundred."""


class UsageDetails(Struct, kw_only=True):
    """Errors and times of a span."""

    object: Literal["usage.details"] = "usage.details"
    start_time: int
    end_time: int
    rows_since: int | None
    """Since when rows are kept; null: for ever. What lies before is in no number here."""
    errors: list[ErrorCount]
    """By their codes, the most frequent first; at most a hundred."""
    timings: Timings
