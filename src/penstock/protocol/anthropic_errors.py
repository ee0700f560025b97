"""What an error looks like in Anthropic's API.

Its types follow the status; `code` and `param` are ours, and tell more.
"""

import msgspec

from penstock.errors import ApiError
from penstock.protocol.sse import named_event

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class ErrorDetails(msgspec.Struct, frozen=True):
    error_code: str
    unsupported: tuple[str, ...]


class AnthropicErrorBody(msgspec.Struct):
    type: str
    message: str
    code: str | None
    param: str | None
    details: ErrorDetails | None


class AnthropicEnvelope(msgspec.Struct, tag_field="type", tag="error"):
    error: AnthropicErrorBody
    request_id: str


class AnthropicErrors:
    """The form of the routes under /v1/messages."""

    id_headers: tuple[bytes, ...] = (b"x-request-id", b"request-id")

    def body(self, error: ApiError, *, request_id: str) -> bytes:
        return msgspec.json.encode(_envelope(error, request_id))

    def event(self, error: ApiError, *, request_id: str) -> bytes:
        return named_event("error", _envelope(error, request_id))


def _envelope(error: ApiError, request_id: str) -> AnthropicEnvelope:
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    # Coding agents look for these words, and then shorten the conversation.
    start = "prompt is too long: " if error.code == "context_length_exceeded" else ""
    body = AnthropicErrorBody(kind, start + error.message, error.code, error.param, _details(error))
    return AnthropicEnvelope(body, request_id)


def _details(error: ApiError) -> ErrorDetails | None:
    """What makes the official clients send the whole conversation from then on, where they would keep it in a thread.

    Their tool runner does so by itself: `unsupportedFeatures` in lib/internal/threads/ThreadState of @anthropic-ai/sdk
    1.14, and `continue_unthreaded`.
    """
    if (error.code, error.param) != ("unsupported_parameter", "thread"):
        return None
    return ErrorDetails("thread_unsupported_request", ("thread",))
