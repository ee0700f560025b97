"""Answers of routes whose cost does not matter."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.responses import Response

from penstock.protocol.answer import encode

READING = ["GET", "HEAD"]
"""The methods of a route that only tells something; RFC 9110, section 9.1, asks for both."""


def answered(answer: Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`answer` as the framework sends it."""
    return Response(encode(answer), status, headers, "application/json")
