"""What an error looks like: OpenAI's envelope, on every path that is not of another API."""

from typing import Protocol

import msgspec

from penstock.errors import ApiError
from penstock.protocol.sse import error_event


class ErrorBody(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(msgspec.Struct):
    error: ErrorBody


def envelope(error: ApiError) -> bytes:
    """`error` as JSON."""
    return msgspec.json.encode(ErrorEnvelope(ErrorBody(error.message, error.type, error.param, error.code)))


class ErrorForm(Protocol):
    """How the API that a path belongs to tells errors."""

    id_headers: tuple[bytes, ...]
    """The headers of every answer that carry the id of its request."""

    def body(self, error: ApiError, *, request_id: str) -> bytes:
        """The error as a whole answer, in JSON."""

    def event(self, error: ApiError, *, request_id: str) -> bytes:
        """The error after the first byte, as a server-sent event."""


class OpenAIErrors:
    """The form of everything that is not of another API."""

    id_headers: tuple[bytes, ...] = (b"x-request-id",)

    def body(self, error: ApiError, *, request_id: str) -> bytes:
        return envelope(error)

    def event(self, error: ApiError, *, request_id: str) -> bytes:
        return error_event(envelope(error))
