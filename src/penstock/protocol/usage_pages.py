"""What the answers to questions about usage look like on the wire.

Shapes: OpenAI's `organization.usage.completions.result`, `organization.usage.embeddings.result` and
`organization.costs.result`; what is null was not grouped by. `usage.result` is ours.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct


class CompletionsResult(Struct, kw_only=True):
    """Requests that made text, in all of the API's forms."""

    object: Literal["organization.usage.completions.result"] = "organization.usage.completions.result"
    input_tokens: int
    """Those out of the cache are among them."""
    output_tokens: int
    input_cached_tokens: int
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    num_model_requests: int
    """Without those that failed or were refused."""
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None


class EmbeddingsResult(Struct, kw_only=True):
    """Requests for embeddings."""

    object: Literal["organization.usage.embeddings.result"] = "organization.usage.embeddings.result"
    input_tokens: int
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None


class Amount(Struct, kw_only=True):
    """Money. The number has all its digits, more of them than a binary float may hold."""

    value: Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
    currency: str
    """By its ISO 4217 code, in lower case."""


class CostsResult(Struct, kw_only=True):
    """What requests cost. A line item is a model."""

    object: Literal["organization.costs.result"] = "organization.costs.result"
    amount: Amount
    line_item: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None


class OwnResult(Struct, kw_only=True):
    """What an account used, all of its requests."""

    object: Literal["usage.result"] = "usage.result"
    requests: int
    failed: int
    """Of these, the ones that failed or were refused."""
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: str
    """A decimal number as text, so that no reader rounds it."""
    currency: str
    model: str | None = None
    api_key_id: str | None = None
    endpoint: str | None = None


class SeenResult(Struct, kw_only=True):
    """What an account used, or all accounts did, as the console shows it."""

    object: Literal["usage.result"] = "usage.result"
    requests: int
    failed: int
    """Of these, the ones that failed or were refused."""
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: str
    """A decimal number as text, so that no reader rounds it."""
    currency: str
    model: str | None = None
    api_key_id: str | None = None
    user_id: str | None = None
    endpoint: str | None = None


class CompletionsBucket(Struct, kw_only=True):
    """The use of one span of time; it has no results where there was none."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[CompletionsResult]


class EmbeddingsBucket(Struct, kw_only=True):
    """As CompletionsBucket."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[EmbeddingsResult]


class CostsBucket(Struct, kw_only=True):
    """As CompletionsBucket."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[CostsResult]


class OwnBucket(Struct, kw_only=True):
    """As CompletionsBucket."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[OwnResult]


class SeenBucket(Struct, kw_only=True):
    """As CompletionsBucket."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[SeenResult]


class CompletionsPage(Struct, kw_only=True):
    """Some buckets, in order of time."""

    object: Literal["page"] = "page"
    data: list[CompletionsBucket]
    has_more: bool
    next_page: str | None


class EmbeddingsPage(Struct, kw_only=True):
    """As CompletionsPage."""

    object: Literal["page"] = "page"
    data: list[EmbeddingsBucket]
    has_more: bool
    next_page: str | None


class CostsPage(Struct, kw_only=True):
    """As CompletionsPage."""

    object: Literal["page"] = "page"
    data: list[CostsBucket]
    has_more: bool
    next_page: str | None


class OwnPage(Struct, kw_only=True):
    """As CompletionsPage."""

    object: Literal["page"] = "page"
    data: list[OwnBucket]
    has_more: bool
    next_page: str | None


class SeenPage(Struct, kw_only=True):
    """As CompletionsPage."""

    object: Literal["page"] = "page"
    data: list[SeenBucket]
    has_more: bool
    next_page: str | None


AnyPage = CompletionsPage | EmbeddingsPage | CostsPage | OwnPage | SeenPage
AnyBucket = CompletionsBucket | EmbeddingsBucket | CostsBucket | OwnBucket | SeenBucket
AnyResult = CompletionsResult | EmbeddingsResult | CostsResult | OwnResult | SeenResult
