"""What is no request, or two: refused in the wire's words, once, and nothing that follows is taken for a request."""

import json
import re

import pytest
from raw_http import connected, read_to_the_end
from running_server import RunningServer

pytestmark = pytest.mark.usefixtures("canary")

CHAT = "POST /v1/chat/completions HTTP/1.1\r\n"
TYPE = "content-type: application/json\r\n"
BODY = '{"model":"echo","messages":[{"role":"user","content":"smuggled"}]}'
LENGTH = f"content-length: {len(BODY)}\r\n"
CHUNKS = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"
SMUGGLED = "GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"

HEADS = {
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "x" * 500,
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": "GET /\r\n\r\n",
    "HTTP/1.2": "GET / HTTP/1.2\r\nhost: x\r\n\r\n",
    "HTTP/3.0": "GET / HTTP/3.0\r\nhost: x\r\n\r\n",
    "another protocol": "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "nothing before its lines": "\r\n\r\n\r\n\r\n",
    "a proxy's hello": "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\r\n" + SMUGGLED,
    "a tunnel": "CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "no path": "GET v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    "a star": "GET * HTTP/1.1\r\nhost: x\r\n\r\n",
    "blank in the target": "GET /v1/models x HTTP/1.1\r\nhost: x\r\n\r\n",
    "null in the target": "GET /v1/\x00models HTTP/1.1\r\nhost: x\r\n\r\n",
    "fragment": "GET /v1/models#x HTTP/1.1\r\nhost: x\r\n\r\n",
    "tab for a blank": "GET\t/v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    "no host": "GET /v1/models HTTP/1.1\r\n\r\n",
    "two hosts": "GET /v1/models HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
    "bare line feeds": "GET /v1/models HTTP/1.1\nhost: x\n\n",
    "one bare line feed": "GET /v1/models HTTP/1.1\r\nhost: x\nx: y\r\n\r\n",
    "bare carriage return": "GET /v1/models HTTP/1.1\r\nhost: x\rx: y\r\n\r\n",
    "folded": "GET /v1/models HTTP/1.1\r\nhost: x\r\nx: y\r\n z\r\n\r\n",
    "folded first": "GET /v1/models HTTP/1.1\r\n host: x\r\nhost: x\r\n\r\n",
    "blank before the colon": "GET /v1/models HTTP/1.1\r\nhost: x\r\nx : y\r\n\r\n",
    "no name": "GET /v1/models HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n",
    "no colon": "GET /v1/models HTTP/1.1\r\nhost: x\r\nx\r\n\r\n",
    "null in a value": "GET /v1/models HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n",
    "escape in a value": "GET /v1/models HTTP/1.1\r\nhost: x\r\nx: \x1b[2J\r\n\r\n",
}

FRAMINGS = {
    "length and chunks": LENGTH + "transfer-encoding: chunked\r\n",
    "chunks and length": "transfer-encoding: chunked\r\n" + LENGTH,
    "two lengths": LENGTH * 2,
    "two different lengths": LENGTH + "content-length: 0\r\n",
    "a list of lengths": f"content-length: {len(BODY)}, {len(BODY)}\r\n",
    "negative": "content-length: -1\r\n",
    "plus": f"content-length: +{len(BODY)}\r\n",
    "hexadecimal": f"content-length: 0x{len(BODY):x}\r\n",
    "blank inside": "content-length: 6 6\r\n",
    "underscore": "content-length: 6_6\r\n",
    "huge": "content-length: 99999999999999999999\r\n",
    "empty": "content-length:\r\n",
    "fraction": "content-length: 66.0\r\n",
    "other digits": "content-length: \xb2\r\n",
    "gzip": "transfer-encoding: gzip\r\n",
    "gzip and chunks": "transfer-encoding: gzip, chunked\r\n",
    "chunks twice": "transfer-encoding: chunked, chunked\r\n",
    "chunks, then identity": "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    "identity": "transfer-encoding: identity\r\n" + LENGTH,
    "x-chunked": "transfer-encoding: xchunked\r\n",
    "vertical tab": "transfer-encoding: \x0bchunked\r\n",
    "quoted": 'transfer-encoding: "chunked"\r\n',
    "hidden length": "x: y\rcontent-length: 0\r\n" + LENGTH,
}

CHUNK_SHAPES = {
    "no size": "\r\nx\r\n0\r\n\r\n",
    "negative size": "-1\r\nx\r\n0\r\n\r\n",
    "0x": "0x1\r\nx\r\n0\r\n\r\n",
    "overlong size": "0000000001\r\nx\r\n0\r\n\r\n",
    "overflow": "FFFFFFFFFFFFFFFF1\r\nx\r\n0\r\n\r\n",
    "blank after the size": "1 \r\nx\r\n0\r\n\r\n",
    "bare line feed": "1\nx\n0\n\n",
    "bare line feed in an extension": "1;a\nb\r\nx\r\n0\r\n\r\n",
    "long extension": "1;" + "a" * 300 + "\r\nx\r\n0\r\n\r\n",
    "extension without end": "1;" + "a" * 100_000,
    "longer than its size": "1\r\nxx\r\n0\r\n\r\n",
    "bare line feed at its end": "1\r\nx\n0\r\n\r\n",
    "trailer without colon": "1\r\nx\r\n0\r\ntrailer\r\n\r\n",
    "long trailers": "1\r\nx\r\n0\r\n" + "x: y\r\n" * 1000 + "\r\n",
    "too many chunks": "1\r\nx\r\n" * 70_000,
}


def refused_once(server: RunningServer, request: str, status: int = 400, code: str = "invalid_request") -> None:
    """One refusal in the wire's words, and the end of the connection, though another request follows."""
    with connected(server) as connection:
        connection.sendall(request.encode("latin-1") + SMUGGLED.encode())
        received = read_to_the_end(connection)
    assert len(re.findall(rb"HTTP/1.1 \d+ ", received)) == 1, received
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status_line.split(" ")[1] == str(status), received
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-processing-ms"].isdigit()
    error = json.loads(body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, None)
    assert error["message"]


@pytest.mark.parametrize("request_", HEADS.values(), ids=HEADS.keys())
def test_what_is_no_head(echo_server: RunningServer, request_: str) -> None:
    refused_once(echo_server, request_)


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
@pytest.mark.parametrize("body", [BODY, CHUNKS], ids=["plain", "in chunks"])
def test_what_two_servers_could_frame_differently(echo_server: RunningServer, framing: str, body: str) -> None:
    key = f"authorization: Bearer {echo_server.key}\r\n"
    refused_once(echo_server, f"{CHAT}host: x\r\n{key}{TYPE}{framing}\r\n{body}")


@pytest.mark.parametrize("chunks", CHUNK_SHAPES.values(), ids=CHUNK_SHAPES.keys())
def test_what_is_no_chunk(echo_server: RunningServer, chunks: str) -> None:
    key = f"authorization: Bearer {echo_server.key}\r\n"
    refused_once(echo_server, f"{CHAT}host: x\r\n{key}{TYPE}transfer-encoding: chunked\r\n\r\n{chunks}")


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ("x: " + "y" * 20_000 + "\r\n", 431, "headers_too_large"),
        ("".join(f"x{number}: {'y' * 100}\r\n" for number in range(200)), 431, "headers_too_large"),
        ("x: y\r\n" * 100, 431, "headers_too_large"),
        ("y" * 100_000, 431, "headers_too_large"),
        ("expect: 200-maybe\r\n", 417, "expectation_failed"),
    ],
    ids=["one large", "many", "more than a hundred", "a line without end", "expectation"],
)
def test_heads_beyond_the_bounds(echo_server: RunningServer, lines: str, status: int, code: str) -> None:
    refused_once(echo_server, f"GET /health HTTP/1.1\r\nhost: x\r\n{lines}\r\n", status, code)


def test_a_target_beyond_the_bound(echo_server: RunningServer) -> None:
    refused_once(echo_server, f"GET /{'x' * 20_000} HTTP/1.1\r\nhost: x\r\n\r\n", 431, "headers_too_large")


def test_a_refusal_has_its_line_in_the_log(echo_server: RunningServer) -> None:
    with connected(echo_server) as connection:
        connection.sendall(b"GET /secret-path\x01 HTTP/1.1\r\n\r\n")
        head = read_to_the_end(connection).partition(b"\r\n\r\n")[0].decode()
    request_id = head.split("x-request-id: ")[1].split("\r\n")[0]
    (line,) = [line for line in echo_server.log.read_text().splitlines() if request_id in line]
    assert "method=- path=- status=400" in line
    assert line.endswith("error=invalid_request")
    assert "secret-path" not in echo_server.log.read_text()
