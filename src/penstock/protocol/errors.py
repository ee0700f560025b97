"""What an error looks like: OpenAI's envelope, on every path."""

import msgspec

from penstock.errors import ApiError


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
