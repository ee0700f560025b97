"""The body of a request, read under its cap."""

from collections.abc import Iterable
from typing import TypeVar

from fastapi import Request

from penstock.errors import RequestTooLarge, UnsupportedMediaType
from penstock.protocol.strict_json import decode
from penstock.protocol.validation import convert
from penstock.web.asgi import ClientGone, Receive

SMALL_CAP = 64 << 10
"""Bytes of a body that says what to do with an account or a key."""

T = TypeVar("T")


async def json_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive, *, cap: int) -> bytes:
    """The whole body, at most `cap` bytes, refused before it is read where its length is announced."""
    given = list(headers)
    _check_content_type(given)
    too_large = RequestTooLarge(f"The body may have {cap} bytes at most.")
    announced = _values(given, b"content-length")
    if announced and announced[0].isdigit() and int(announced[0]) > cap:
        raise too_large
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > cap:
            raise too_large
        if not message.get("more_body"):
            return b"".join(parts)


async def read_body(request: Request, to: type[T]) -> T:
    """The body as a `to`, in JSON as strict as that of the hot plane. Raises InvalidRequest and its kinds."""
    body = await json_body(request.scope["headers"], request.receive, cap=SMALL_CAP)
    return convert(decode(body), to, unsupported={})


def _check_content_type(headers: list[tuple[bytes, bytes]]) -> None:
    if _values(headers, b"content-encoding"):
        raise UnsupportedMediaType("Send the body without Content-Encoding.")
    kinds = _values(headers, b"content-type")
    if len(kinds) != 1 or kinds[0].split(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedMediaType("Send the body as Content-Type: application/json.")
    charset = kinds[0].lower().partition(b"charset=")[2].partition(b";")[0].strip(b' "')
    if charset not in (b"", b"utf-8", b"utf8"):
        raise UnsupportedMediaType("JSON is sent as UTF-8.")


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]
