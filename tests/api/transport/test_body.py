"""Bodies, cut anywhere, and what is no body."""

import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.transport.body import Body, ChunkedBody, CountedBody, body_of
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.head import Head
from penstock.errors import MalformedRequest

BOUNDS = Bounds(chunk_line_bytes=20, chunks=50, trailer_bytes=40)
NEXT = b"GET / HTTP/1.1\r\n"


def read(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """The body in these pieces, and what comes after it."""
    got, after = b"", b""
    for piece in pieces:
        if body.done:
            after += piece
            continue
        part, rest = body.feed(piece)
        got, after = got + part, after + rest
        assert body.done or not rest
    return got, after


def test_the_head_says_which_body_it_is() -> None:
    head = Head("POST", b"/", b"", "1.1", [])
    assert body_of(head, BOUNDS).done
    assert isinstance(body_of(head._replace(content_length=3), BOUNDS), CountedBody)
    assert isinstance(body_of(head._replace(chunked=True), BOUNDS), ChunkedBody)


@given(st.binary(max_size=100), places)
def test_a_counted_body_is_the_same_however_it_comes(content: bytes, at: list[int]) -> None:
    body = CountedBody(len(content))
    assert read(body, cut(content + NEXT, at)) == (content, NEXT)
    assert body.done


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), places, st.booleans())
def test_a_chunked_body_is_the_same_however_it_comes(chunks: list[bytes], at: list[int], trailers: bool) -> None:
    encoded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"
    encoded += b"x-sum: 1\r\ny:\r\n\r\n" if trailers else b"\r\n"
    body = ChunkedBody(BOUNDS)
    assert read(body, cut(encoded + NEXT, at)) == (b"".join(chunks), NEXT)
    assert body.done


@pytest.mark.parametrize("size", [b"5", b"05", b"5;a", b"5 ; a=b", b'5;a="b c"', b"00000005"])
def test_the_size_of_a_chunk(size: bytes) -> None:
    assert read(ChunkedBody(BOUNDS), [size + b"\r\nhello\r\n0\r\n\r\n"]) == (b"hello", b"")


@pytest.mark.parametrize(
    "encoded",
    [
        b"\r\n",
        b"x\r\n",
        b"-5\r\nhello",
        b"+5\r\nhello",
        b"0x5\r\nhello",
        b"5 \r\nhello",
        b" 5\r\nhello",
        b"5\nhello\n0\n\n",
        b"5\rhello",
        b"5;a\nb\r\nhello",
        b"5;\x00\r\nhello",
        b"123456789\r\n",
        b"5;" + b"a" * 19 + b"\r\n",
        b"5;" + b"a" * 50,
        b"5\r\nhello5\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhellohello\r\n0\r\n\r\n",
        b"5\r\nhel\r\n0\r\n\r\n0\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nx: y\n\r\n\r\n",
        b"0\r\n" + b"x: y\r\n" * 7 + b"\r\n",
        b"0\r\nx: " + b"y" * 50,
        b"1\r\nx\r\n" * 51,
    ],
)
@given(at=places)
def test_what_is_no_chunk_is_refused_however_it_comes(encoded: bytes, at: list[int]) -> None:
    with pytest.raises(MalformedRequest):
        read(ChunkedBody(BOUNDS), cut(encoded, at))
