"""What batches look like on the wire, and the lines of their files."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

MOST_LINES = 50_000
MOST_ERRORS = 100
"""Of those that validation tells."""

BatchEndpoint = Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]
LineFault = Literal["batch_expired", "batch_cancelled"]
"""Why a line has no answer at all."""


Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
"""What the client wants to know a batch by."""


class BatchRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """A batch to make."""

    input_file_id: Annotated[str, Meta(min_length=1, max_length=200)]
    endpoint: BatchEndpoint
    completion_window: Annotated[str, Meta(pattern=r"^([1-9]|[1-9][0-9]|1[0-5][0-9]|16[0-8])h\Z")]
    """A whole number of hours from 1h to 168h."""
    metadata: Metadata | None = None


class BatchFault(Struct, kw_only=True):
    """One thing that is wrong with the input."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None
    """From 1; blank lines count."""


class BatchFaults(Struct, kw_only=True):
    """All of them, 100 at most."""

    object: Literal["list"] = "list"
    data: list[BatchFault]


class RequestCounts(Struct, kw_only=True):
    """Lines: all, those in the output file, and those in the error file."""

    total: int
    completed: int
    failed: int


class CachedTokens(Struct, kw_only=True):
    """Of the input, what the engine had read before."""

    cached_tokens: int = 0


class ReasoningTokens(Struct, kw_only=True):
    """Of the output, what the model said to itself."""

    reasoning_tokens: int = 0


class BatchUsage(Struct, kw_only=True):
    """The tokens of all lines so far."""

    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class BatchObject(Struct, kw_only=True):
    """One batch. Times are whole seconds since 1970; null until it comes to that."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: BatchEndpoint
    model: str | None
    """Of its lines, where they all name the same one."""
    errors: BatchFaults | None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    usage: BatchUsage
    metadata: dict[str, str] | None


class BatchList(Struct, kw_only=True):
    """A page of batches, the newest first."""

    object: Literal["list"] = "list"
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class BatchQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of the list."""

    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class LineResponse(Struct, kw_only=True):
    """The answer to one line, an error of the API included."""

    status_code: int
    request_id: str
    body: Raw


class LineError(Struct, kw_only=True):
    """Why a line has no answer."""

    code: LineFault
    message: str


class OutputLine(Struct, kw_only=True):
    """One line of an output or error file: an answer, or why there is none."""

    id: str
    custom_id: str
    response: LineResponse | None
    error: LineError | None
