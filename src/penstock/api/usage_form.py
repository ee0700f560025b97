"""The four questions about usage: what each asks the ledger, and how its answer is rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw, Struct

from penstock.protocol.price import decimal
from penstock.protocol.usage_pages import (
    Amount,
    AnyBucket,
    AnyPage,
    AnyResult,
    CompletionsBucket,
    CompletionsPage,
    CompletionsResult,
    CostsBucket,
    CostsPage,
    CostsResult,
    EmbeddingsBucket,
    EmbeddingsPage,
    EmbeddingsResult,
    OwnBucket,
    OwnPage,
    OwnResult,
    SeenBucket,
    SeenPage,
    SeenResult,
)
from penstock.protocol.usage_query import (
    COST_LIMITS,
    LIMITS,
    CompletionsQuery,
    CostsQuery,
    EmbeddingsQuery,
    OwnQuery,
    SeenQuery,
    Span,
    Width,
)
from penstock.tenants.usage_report import Dimension, Sums

DIMENSIONS: dict[str, Dimension] = {
    "project_id": "project_id",
    "user_id": "account_id",
    "api_key_id": "key_id",
    "model": "model",
    "line_item": "model",
    "endpoint": "endpoint",
    "batch": "batch",
    "service_tier": "tier",
}
"""What can be grouped by -> the ledger's word for it."""
FILTERS: dict[str, Dimension] = {
    "project_ids": "project_id",
    "user_ids": "account_id",
    "api_key_ids": "key_id",
    "models": "model",
    "line_items": "model",
}


@dataclass(frozen=True)
class Form:
    """One question: the types of its query and its answer, and how sums become a result."""

    query: type[Span]
    page: type[AnyPage]
    bucket: type[AnyBucket]
    result: type[AnyResult]
    figures: Callable[[Sums, str], Mapping[str, Any]]
    """Takes the currency too."""
    limits: Mapping[Width, tuple[int, int]] = field(default_factory=lambda: LIMITS)
    """Width -> how many buckets a page has unless it is said, and at most."""

    def render(self, grouped: Mapping[str, Any], sums: Sums, *, currency: str) -> Struct:
        """The result of one group; `grouped` has the values of what it is grouped by."""
        return self.result(**self.figures(sums, currency.lower()), **grouped)


def completions() -> Form:
    """Of OpenAI's usage of completions."""

    def figures(sums: Sums, _currency: str) -> Mapping[str, Any]:
        return {
            "input_tokens": sums.prompt_tokens,
            "output_tokens": sums.completion_tokens,
            "input_cached_tokens": sums.cached_tokens,
            "num_model_requests": sums.requests - sums.failed,
        }

    return Form(CompletionsQuery, CompletionsPage, CompletionsBucket, CompletionsResult, figures)


def embeddings() -> Form:
    """Of OpenAI's usage of embeddings."""

    def figures(sums: Sums, _currency: str) -> Mapping[str, Any]:
        return {"input_tokens": sums.prompt_tokens, "num_model_requests": sums.requests - sums.failed}

    return Form(EmbeddingsQuery, EmbeddingsPage, EmbeddingsBucket, EmbeddingsResult, figures)


def costs() -> Form:
    """Of OpenAI's costs."""

    def figures(sums: Sums, currency: str) -> Mapping[str, Any]:
        return {"amount": Amount(value=Raw(decimal(sums.cost)), currency=currency)}

    return Form(CostsQuery, CostsPage, CostsBucket, CostsResult, figures, COST_LIMITS)


def own() -> Form:
    """Of the usage of one account."""
    return Form(OwnQuery, OwnPage, OwnBucket, OwnResult, _figures_of_all)


def seen() -> Form:
    """Of the usage that the console shows."""
    return Form(SeenQuery, SeenPage, SeenBucket, SeenResult, _figures_of_all)


def _figures_of_all(sums: Sums, currency: str) -> Mapping[str, Any]:
    return {
        "requests": sums.requests,
        "failed": sums.failed,
        "input_tokens": sums.prompt_tokens,
        "cached_input_tokens": sums.cached_tokens,
        "output_tokens": sums.completion_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost": decimal(sums.cost),
        "currency": currency,
    }
