"""Which heads are requests, and what is refused that two servers could read differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.head import Head, check_beginning, parse_head, unread
from penstock.errors import ApiError, ExpectationFailed, HeadTooLarge, MalformedRequest

BOUNDS = Bounds()


def parsed(*lines: str, request: str = "POST /v1 HTTP/1.1", host: str = "host: x") -> Head:
    """The head of these lines."""
    return parse_head("\r\n".join([request, *filter(None, [host]), *lines, ""]).encode("latin-1"), BOUNDS)


def test_a_plain_head() -> None:
    head = parsed("Content-Type:application/json", "X-Empty:", "x-blank: \t a b \t", request="GET /a/b?c=d?e HTTP/1.1")
    assert head == Head(
        method="GET",
        path=b"/a/b",
        query=b"c=d?e",
        version="1.1",
        headers=[
            (b"host", b"x"),
            (b"content-type", b"application/json"),
            (b"x-empty", b""),
            (b"x-blank", b"a b"),
        ],
        keep_alive=True,
    )
    assert not head.has_body
    assert unread().has_body


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", b"/", b""),
        ("//v1", b"//v1", b""),
        ("/?", b"/", b""),
        ("/%2e%2e/%00", b"/%2e%2e/%00", b""),
        ("http://other/v1?a", b"/v1", b"a"),
        ("HTTPS://other:8080", b"/", b""),
        ("http://other?a", b"/", b"a"),
        ("/http://other/v1", b"/http://other/v1", b""),
    ],
)
def test_the_forms_of_a_target(target: str, path: bytes, query: bytes) -> None:
    head = parsed(request=f"GET {target} HTTP/1.1")
    assert (head.path, head.query) == (path, query)


def test_a_star_is_for_options_alone() -> None:
    assert parsed(request="OPTIONS * HTTP/1.1").path == b"*"
    with pytest.raises(MalformedRequest):
        parsed(request="GET * HTTP/1.1")


@pytest.mark.parametrize(
    "request_line",
    [
        "",
        " ",
        "GET",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET / HTTP/1.1\r",
        "GET / a HTTP/1.1",
        "GET /ü HTTP/1.1",
        "GET /\x00 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET v1 HTTP/1.1",
        "GET http:///v1 HTTP/1.1",
        "GET http://a@b/v1 HTTP/1.1",
        "GET ftp://a/v1 HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "G(T / HTTP/1.1",
        "A" * 33 + " / HTTP/1.1",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "PRI * HTTP/2.0",
        "GET / HTTP/1.10",
        "GET / http/1.1",
        "GET / HTTP/1,1",
        "GET / RTSP/1.0",
    ],
)
def test_what_is_no_request_line(request_line: str) -> None:
    with pytest.raises(MalformedRequest):
        parsed(request=request_line)


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": no name",
        "blank : before",
        "tab\t: before",
        " leading: blank",
        "\tfolded line",
        "bare: line\nfeed: x",
        "bare: carriage\rreturn",
        "null: \x00",
        "bell: \x07",
        "delete: \x7f",
        "in(name): x",
        "ü: x",
        "",
        "x: y\r\n folded",
    ],
)
def test_what_is_no_header(line: str) -> None:
    with pytest.raises(MalformedRequest):
        parsed("before: x", line, "after: x")


def test_other_bytes_of_a_value_are_left_alone() -> None:
    assert parsed("x: ü\x80\xff\t!~").headers[-1] == (b"x", "ü\x80\xff\t!~".encode("latin-1"))


def test_a_host_is_sent_once() -> None:
    with pytest.raises(MalformedRequest, match="Host"):
        parsed(host="")
    for version in ("1.0", "1.1"):
        with pytest.raises(MalformedRequest, match="host"):
            parsed("Host: x", request=f"GET / HTTP/{version}")
    assert parsed(host="", request="GET / HTTP/1.0").version == "1.0"
    assert parsed(host="host:").headers == [(b"host", b"")]


def test_the_two_framings_of_a_body() -> None:
    assert parsed("content-length: 0").has_body is False
    counted, chunked = parsed("content-length: 0012"), parsed("Transfer-Encoding: Chunked")
    assert (counted.content_length, counted.chunked, counted.has_body) == (12, False, True)
    assert (chunked.content_length, chunked.chunked, chunked.has_body) == (0, True, True)


@pytest.mark.parametrize("length", ["", "-1", "+1", "0x10", "1 2", "1,1", "1.0", "1e3", "٣", "1" * 16, "1;a", "²"])
def test_what_is_no_length(length: str) -> None:
    with pytest.raises(MalformedRequest):
        parsed(f"content-length: {length}".encode().decode("latin-1"))


@pytest.mark.parametrize(
    "coding",
    [
        "",
        "gzip",
        "identity",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "xchunked",
        "chunked;a",
        "\xa0chunked",
    ],
)
def test_what_is_no_transfer_coding(coding: str) -> None:
    with pytest.raises(MalformedRequest):
        parsed(f"transfer-encoding: {coding}")


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "content-length: 5"),
        ("content-length: 5", "content-length: 6"),
        ("content-length: 5", "Content-Length: 0"),
        ("content-length: 5", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 0"),
        ("transfer-encoding: chunked", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "transfer-encoding: identity"),
        ("expect: 100-continue", "expect: 100-continue"),
    ],
)
def test_what_two_servers_could_read_differently(lines: tuple[str, str]) -> None:
    with pytest.raises(MalformedRequest):
        parsed(*lines)


def test_an_old_client_sends_no_chunks() -> None:
    with pytest.raises(MalformedRequest):
        parsed("transfer-encoding: chunked", request="POST / HTTP/1.0")


@pytest.mark.parametrize(
    ("version", "lines", "stays"),
    [
        ("1.1", (), True),
        ("1.1", ("connection:",), True),
        ("1.1", ("connection: keep-alive",), True),
        ("1.1", ("connection: Close",), False),
        ("1.1", ("connection: upgrade , close",), False),
        ("1.1", ("connection: keep-alive", "connection: close"), False),
        ("1.1", ("connection: close", "connection: keep-alive"), False),
        ("1.1", ("connection: upgrade", "upgrade: h2c"), True),
        ("1.0", (), False),
        ("1.0", ("connection: Keep-Alive",), True),
        ("1.0", ("connection: keep-alive, close",), False),
    ],
)
def test_whether_the_connection_stays(version: str, lines: tuple[str, ...], stays: bool) -> None:
    assert parsed(*lines, request=f"GET / HTTP/{version}").keep_alive is stays


def test_expectations() -> None:
    assert parsed("expect: 100-Continue").expects_continue
    assert not parsed("expect: 100-continue", request="POST / HTTP/1.0").expects_continue
    for other in ("200-ok", "", "100-continue, x"):
        with pytest.raises(ExpectationFailed):
            parsed(f"expect: {other}")


def test_a_head_has_a_hundred_headers() -> None:
    assert len(parsed(*["x: y"] * 99).headers) == 100
    with pytest.raises(HeadTooLarge):
        parsed(*["x: y"] * 100)


@pytest.mark.parametrize(
    "beginning",
    [b"\x16\x03\x01\x02\x00", b"\x00", b"\r", b" ", b"(", b"GET\r", b"A" * 33, b"GET / HTTP/1.1\n", b"GET /\r\nx: y\n"],
)
def test_what_will_never_be_a_head_is_not_waited_for(beginning: bytes) -> None:
    with pytest.raises(MalformedRequest):
        check_beginning(beginning, BOUNDS)


def test_a_beginning_is_waited_for_up_to_the_bound() -> None:
    whole = b"GET /" + b"x" * (BOUNDS.head_bytes - 5)
    for end in (1, 3, 4, 5, 100, len(whole) - 1):
        check_beginning(whole[:end], BOUNDS)
    with pytest.raises(HeadTooLarge):
        check_beginning(whole, BOUNDS)


@given(st.binary(max_size=200))
def test_anything_is_a_head_or_is_refused(received: bytes) -> None:
    try:
        headers = parse_head(b"GET / HTTP/1.1\r\nhost: x\r\n" + received, BOUNDS).headers
    except ApiError:
        return
    assert all(name for name, _ in headers)
    assert not set(b"".join(name + value for name, value in headers)) & set(b"\r\n\x00")
