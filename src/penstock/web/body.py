"""The body of a request, read under its cap."""

from collections.abc import Iterable
from typing import TypeVar

from starlette.requests import Request

from penstock.errors import RequestTooLarge, UnsupportedMediaType
from penstock.protocol.strict_json import decode
from penstock.protocol.validation import convert
from penstock.web.asgi import ClientGone, Receive

SMALL_CAP = 64 << 10
"""Bytes of a body that says what to do with an account or a key."""

T = TypeVar("T")


def check_json(headers: Iterable[tuple[bytes, bytes]], *, cap: int) -> None:
    """What a request with a JSON body has to say of it. Raises UnsupportedMediaType or RequestTooLarge."""
    kinds, announced = [], b""
    for name, value in headers:
        if name == b"content-type":
            kinds.append(value)
        elif name == b"content-length":
            announced = value
        elif name == b"content-encoding":
            raise UnsupportedMediaType("Send the body without Content-Encoding.")
    if kinds != [b"application/json"]:
        _check_content_type(kinds)
    if announced.isdigit() and int(announced) > cap:
        raise too_large(cap)


def too_large(cap: int) -> RequestTooLarge:
    """The error of a body with more than `cap` bytes."""
    return RequestTooLarge(f"The body may have {cap} bytes at most.")


async def whole_body(receive: Receive, *, cap: int) -> bytes:
    """The whole body, at most `cap` bytes. Raises RequestTooLarge, or ClientGone where it does not come."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > cap:
            raise too_large(cap)
        if not message.get("more_body"):
            return b"".join(parts)


async def read_body(request: Request, to: type[T]) -> T:
    """The body as a `to`, in JSON as strict as that of the hot plane. Raises InvalidRequest and its kinds."""
    check_json(request.scope["headers"], cap=SMALL_CAP)
    body = await whole_body(request.receive, cap=SMALL_CAP)
    return convert(decode(body), to, unsupported={})


def _check_content_type(kinds: list[bytes]) -> None:
    if len(kinds) != 1 or kinds[0].split(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedMediaType("Send the body as Content-Type: application/json.")
    charset = kinds[0].lower().partition(b"charset=")[2].partition(b";")[0].strip(b' "')
    if charset not in (b"", b"utf-8", b"utf8"):
        raise UnsupportedMediaType("JSON is sent as UTF-8.")
