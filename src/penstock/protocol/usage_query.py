"""What a question about usage looks like in a query string, in OpenAI's words, and how strictly it is read.

Bounds: OpenAI's reference of `/v1/organization/usage/completions` and `/v1/organization/costs`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.protocol.validation import NO_NUL

Width = Literal["1m", "1h", "1d"]
SECONDS: dict[Width, int] = {"1m": 60, "1h": 3600, "1d": 86_400}
LIMITS: dict[Width, tuple[int, int]] = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
"""Width -> how many buckets a page has unless `limit` says otherwise, and at most."""
COST_LIMITS: dict[Width, tuple[int, int]] = {"1d": (7, 180)}
MOST_BUCKETS = 50_000
"""Of one question, over all of its pages."""

Second = Annotated[int, Meta(ge=0, le=32_503_680_000, description="Seconds since 1970.")]
"""The bound is the year 3000: a time in milliseconds is over it."""
Start = Annotated[Second, Meta(description="Seconds since 1970, inclusive. Buckets are whole: it is rounded down.")]
End = Annotated[Second, Meta(description="Seconds since 1970, exclusive; rounded up. Without it: now.")]
Page = Annotated[str, Meta(min_length=1, max_length=64, description="`next_page` of the page before.")]
Limit = Annotated[
    int,
    Meta(
        ge=1,
        le=1440,
        description="Buckets of a page: 1m 60 (to 1440), 1h 24 (168), 1d 7 (31). Thousands of results end it sooner.",
    ),
]
CostLimit = Annotated[int, Meta(ge=1, le=180, description="Buckets of a page.")]
Format = Annotated[
    Literal["json", "csv"], Meta(description="`csv` gives all buckets at once, without paging; as `Accept: text/csv`.")
]
Ids = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=256, pattern=NO_NUL)]],
    Meta(max_length=100, description="These alone. Repeat the parameter; `name[]` is read as well."),
]

Account = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=NO_NUL,
        description="The id of an account, or `all`; other accounts than one's own are for administrators.",
    ),
]

UsageGroup = Literal["project_id", "user_id", "api_key_id", "model", "batch", "service_tier"]
EmbeddingsGroup = Literal["project_id", "user_id", "api_key_id", "model"]
CostGroup = Literal["project_id", "user_id", "api_key_id", "line_item"]
OwnGroup = Literal["model", "api_key_id", "endpoint"]
SeenGroup = Literal["model", "api_key_id", "user_id", "endpoint"]


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every question has."""

    end_time: End | None = None
    page: Page | None = None
    format: Format | None = None
    api_key_ids: Ids = []


class CompletionsQuery(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the administrator, about completions."""

    start_time: Start
    bucket_width: Width = "1d"
    limit: Limit | None = None
    group_by: list[UsageGroup] = []
    user_ids: Ids = []
    project_ids: Ids = []
    models: Ids = []
    batch: bool | None = None


class EmbeddingsQuery(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the administrator, about embeddings."""

    start_time: Start
    bucket_width: Width = "1d"
    limit: Limit | None = None
    group_by: list[EmbeddingsGroup] = []
    user_ids: Ids = []
    project_ids: Ids = []
    models: Ids = []


class CostsQuery(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the administrator, about money."""

    start_time: Start
    bucket_width: Literal["1d"] = "1d"
    limit: CostLimit | None = None
    group_by: list[CostGroup] = []
    project_ids: Ids = []
    line_items: Ids = []


class OwnQuery(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of whoever holds a key, about their own account. Without a start: the newest buckets, one page of them."""

    start_time: Start | None = None
    bucket_width: Width = "1d"
    limit: Limit | None = None
    group_by: list[OwnGroup] = []
    models: Ids = []


class SeenQuery(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of whoever is signed in. Without a start: the newest buckets, one page of them."""

    start_time: Start | None = None
    bucket_width: Width = "1d"
    limit: Limit | None = None
    group_by: list[SeenGroup] = []
    models: Ids = []
    batch: bool | None = None
    account: Account | None = None


class DetailsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of whoever is signed in, about what no sums are kept of."""

    start_time: Start
    end_time: End | None = None
    bucket_width: Width = "1d"
    group_by: SeenGroup | None = None
    api_key_ids: Ids = []
    models: Ids = []
    account: Account | None = None
