"""Heads that are read again: as if each had been read for the first time."""

import pytest
from api.transport.serving_app import mirror, reply, serving
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.head import Head, parse_head
from penstock.api.transport.heads import Heads
from penstock.errors import ApiError
from penstock.web.asgi import Receive, Scope, Send

BOUNDS = Bounds()
LINES = [
    *(b"Content-Length: 5", b"content-length: 5", b"content-length: 0", b"Content-Length: 007", b"CONTENT-LENGTH: 5"),
    *(b"Content-Length: ", b"content-length: +5", b"content-length: 5 ", b"Content-Length: 1111111111111111"),
    *(b"Content-Length: \r", b"content-length: \n", b"Content-Length: 5, 5", b"content-length:  5"),
    *(b"Transfer-Encoding: chunked", b"expect: 100-continue", b"connection: close", b"x: Content-Length: 5", b"x: y"),
]


def outcome(read: object) -> Head | str:
    try:
        return read()  # type: ignore[operator,no-any-return]
    except ApiError as error:
        return error.message


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /v1 HTTP/1.1", b"host: x", *lines, b""])


@given(st.lists(st.lists(st.sampled_from(LINES), max_size=3), max_size=8))
def test_what_was_read_before_changes_no_head(requests: list[list[bytes]]) -> None:
    heads = Heads(BOUNDS)
    for raw in [head(*lines) for lines in requests] * 2:
        assert outcome(lambda raw=raw: heads.read(raw)) == outcome(lambda raw=raw: parse_head(raw, BOUNDS))


def test_a_head_is_read_once_whatever_its_length() -> None:
    heads = Heads(BOUNDS)
    first = heads.read(head(b"Content-Length: 5", b"x: y"))
    again = heads.read(head(b"Content-Length: 12", b"x: y"))
    assert (first.content_length, again.content_length) == (5, 12)
    assert first.headers[2] is again.headers[2], "it was read anew"
    assert again.headers == [(b"host", b"x"), (b"content-length", b"12"), (b"x", b"y")]
    heads.forget()
    assert heads.read(head(b"Content-Length: 5", b"x: y")).headers[2] is not first.headers[2]


def test_what_is_kept_has_bounds() -> None:
    heads = Heads(BOUNDS)
    long = head(b"x: " + b"y" * 4000)
    assert heads.read(long) is not heads.read(long)
    first = head(b"x: 0")
    kept = heads.read(first)
    for number in range(1, 256):
        heads.read(head(b"x: %d" % number))
    assert heads.read(first) is kept
    heads.read(head(b"x: one more"))
    assert heads.read(first) is not kept


@pytest.mark.parametrize("changed", ["headers", "path"])
async def test_what_an_application_does_to_its_scope_stays_there(changed: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await mirror(scope, receive, send)
            return
        said = b"%d %b" % (len(scope["headers"]), scope["path"].encode())
        scope["headers"] = [*scope["headers"], (b"x", b"y")] if changed == "headers" else []
        scope["path"] = "/other"
        await reply(send, said)

    async with serving(app) as connect:
        client = await connect()
        for _ in range(3):
            await client.send(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await client.answer()).body == b"1 /a"
        for body in (b"hello", b"you", b"hello"):
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            assert (await client.answer()).said["body"] == body.decode()
