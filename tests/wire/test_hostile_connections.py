"""Connections that dawdle, drip, stall, leave half or come in thousands; the canary must not notice."""

import json
import resource
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from canary import Canary, key_of_a_stranger
from raw_http import ask, connected, head, read_answer, read_to_the_end
from running_server import RunningServer, eventually, receive_until, serving

pytestmark = pytest.mark.usefixtures("canary")

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
CHAT = "/v1/chat/completions"
IDLE = 2000


def chat(server: RunningServer, content: str, *lines: str, model: str = "slow", stream: bool = True) -> bytes:
    """A whole chat request."""
    message = {"role": "user", "content": content}
    body = json.dumps({"model": model, "stream": stream, "messages": [message]}).encode()
    given = (f"x-api-key: {server.key}", "content-type: application/json", f"content-length: {len(body)}", *lines)
    return head("POST", CHAT, *given) + body


def request_id_of(received: bytes) -> str:
    return received.split(b"x-request-id: ")[1].split(b"\r\n")[0].decode()


@contextmanager
def many_open_files(number: int) -> Iterator[None]:
    """Let this process open so many; shells often give 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(number, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_connections_that_say_nothing_or_half_of_it(echo_server: RunningServer, canary: Canary) -> None:
    """2,000 that are idle after a request, and 2,000 that never come to the end of one."""
    server = psutil.Process(echo_server.process.pid)
    memory = server.memory_info().rss
    with many_open_files(2 * IDLE + 200), ExitStack() as stack:
        idle = [stack.enter_context(connected(echo_server)) for _ in range(IDLE)]
        for connection in idle:
            connection.sendall(HEALTH)
        assert all(b" 200 OK" in connection.recv(4096) for connection in idle)
        canary.sings()
        half = [stack.enter_context(connected(echo_server)) for _ in range(IDLE)]
        for connection in half:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx: ")
        opened = time.monotonic()
        while time.monotonic() - opened < 5:
            canary.sings()
            for connection in half:
                connection.sendall(b"y")
        assert (server.memory_info().rss - memory) / (2 * IDLE) < 20_000, "bytes for each connection"
        told = [connection.recv(4096) for connection in half]
        assert all(answer.startswith(b"HTTP/1.1 408 ") and b"request_timeout" in answer for answer in told)
        canary.sings()
        for connection in idle:
            connection.sendall(HEALTH)
        assert all(b" 200 OK" in connection.recv(4096) for connection in idle)
    eventually(lambda: len(server.net_connections()) < 100)


SLOW = {
    "a head byte by byte": (b"GET /health HTTP/1.1\r\nx: ", b"y", 408),
    "a head line by line": (b"GET /health HTTP/1.1\r\n", b"x: y\r\n", 408),
    "a head that stops": (b"GET /health HTTP/1.1\r\nhost: x\r\n\r", b"", 408),
    "a body byte by byte": (b"content-length: 10000\r\n\r\n", b" ", 408),
    "a body that stops": (b"content-length: 10000\r\n\r\n{", b"", 408),
    "chunks of a byte": (b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", 408),
    "trailers without end": (b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n", 408),
    "nothing at all": (b"", b"", None),
}


def test_what_comes_too_slowly_is_given_up(echo_server: RunningServer, canary: Canary) -> None:
    """All at once, since each takes the real 10 s."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for name, (beginning, drop, status) in SLOW.items():
            connection = stack.enter_context(connected(echo_server))
            if beginning and not beginning.startswith(b"GET"):
                given = (f"x-api-key: {echo_server.key}", "content-type: application/json")
                beginning = head("POST", CHAT, *given)[:-2] + beginning
            connection.sendall(beginning)
            selector.register(connection, selectors.EVENT_READ, (name, drop, status))
        began = time.monotonic()
        while selector.get_map():
            assert time.monotonic() - began < 25, [key.data[0] for key in selector.get_map().values()]
            for key, _ in selector.select(timeout=0.5):
                name, _, status = key.data
                assert isinstance(key.fileobj, socket.socket)
                connection = key.fileobj
                selector.unregister(connection)
                assert time.monotonic() - began > 9, name
                if status is None:
                    assert connection.recv(1) == b"", name
                    continue
                answer = read_answer(connection)
                assert (answer.status, answer.error["code"]) == (status, "request_timeout"), name
                assert answer.headers["connection"] == "close"
            for waiting in list(selector.get_map().values()):
                assert isinstance(waiting.fileobj, socket.socket)
                waiting.fileobj.sendall(waiting.data[1])
            canary.sings()


def leave(connection: socket.socket, how: str) -> None:
    """Go, in one of the ways that a client can."""
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half":
        connection.shutdown(socket.SHUT_WR)
    else:
        connection.close()


WAYS = ["close", "reset", "half"]


@pytest.mark.parametrize("how", WAYS)
def test_leaving_in_mid_stream_frees_the_slots(echo_server: RunningServer, how: str) -> None:
    """Four slots: a fifth request is answered at once only if the four are free again."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(echo_server)) for _ in range(4)]
        for connection in connections:
            connection.sendall(chat(echo_server, "word " * 900))
        heads = [receive_until(connection, b" word") for connection in connections]
        for connection in connections:
            leave(connection, how)
        left = time.monotonic()
        assert echo_server.chat("quick", model="slow").status == 200
        assert time.monotonic() - left < 2
        for received in heads:
            row = echo_server.usage_of(request_id_of(received))
            assert (row["outcome"], row["status"]) == ("aborted", 200)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_leaving_before_the_first_token_and_in_the_queue(echo_server: RunningServer, how: str, stream: bool) -> None:
    words = 300 + WAYS.index(how) * 10 + stream
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(echo_server)) for _ in range(8)]
        for connection in connections:
            connection.sendall(chat(echo_server, "w " * words, stream=stream))
        assert echo_server.request("GET", "/health", headers={}).status == 200
        for connection in connections:
            leave(connection, how)
        left = time.monotonic()
        assert echo_server.chat("quick", model="slow").status == 200
        assert time.monotonic() - left < 2
    assert not [row for row in echo_server.ledger() if row["prompt_tokens"] == words and row["outcome"] == "completed"]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("part", [1, 20, 150, -1], ids=["in the line", "in the head", "in the headers", "in the body"])
def test_leaving_in_mid_request_costs_nothing(echo_server: RunningServer, how: str, part: int) -> None:
    def rows() -> int:
        """How many there are; of everything that was asked so far, since they are written in the order of its ends."""
        echo_server.usage_of(echo_server.chat("hello").headers["x-request-id"])
        return len(echo_server.ledger())

    before = rows()
    for _ in range(20):
        with connected(echo_server) as connection:
            connection.sendall(chat(echo_server, "never asked")[:part])
            leave(connection, how)
            if how == "half":
                assert read_to_the_end(connection) == b""
    assert rows() - before == 1


def test_who_closes_one_half_still_gets_what_costs_little(echo_server: RunningServer) -> None:
    with connected(echo_server) as connection:
        connection.sendall(HEALTH + head("GET", "/v1/models", f"x-api-key: {echo_server.key}"))
        connection.shutdown(socket.SHUT_WR)
        received = read_to_the_end(connection)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.endswith(b"}]}")


def test_pipelined_requests_are_answered_in_order(echo_server: RunningServer) -> None:
    words = [f"number-{number}" for number in range(30)]
    with connected(echo_server) as connection:
        requests = [chat(echo_server, word, model="echo", stream=number % 2 == 0) for number, word in enumerate(words)]
        connection.sendall(
            b"".join(requests) + HEALTH + b"GET /nowhere HTTP/1.1\r\nconnection: close\r\nhost: x\r\n\r\n"
        )
        received = read_to_the_end(connection)
    places = [received.index(word.encode()) for word in words]
    assert places == sorted(places)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 31
    assert received.index(b"HTTP/1.1 404 ") > places[-1]
    assert b"connection: close\r\n" in received[places[-1] :]


def test_a_pipeline_that_is_refused_in_the_middle_ends_there(echo_server: RunningServer) -> None:
    with connected(echo_server) as connection:
        connection.sendall(HEALTH + b"GET / HTTP/1.1\r\nhost : x\r\n\r\n" + HEALTH)
        received = read_to_the_end(connection)
    assert received.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400 " in received


LONG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 100000
slots = 2
"""


def test_a_reader_that_stalls_holds_up_its_engine_and_nobody_else(tmp_path: Path) -> None:
    words = 30_000
    with serving(tmp_path, "--model", "echo", config=LONG) as server, connected(server) as connection:
        canary = Canary(server, key_of_a_stranger(server))
        connection.sendall(chat(server, " ".join(["w"] * words), model="echo"))
        received = receive_until(connection, b"data: ")
        for _ in range(5):
            canary.sings()
        request_id = request_id_of(received)
        assert [row for row in server.ledger() if row["request_id"] == request_id] == [], "it is not at its end"
        received += receive_until(connection, b"[DONE]")
        assert received.count(b"data: ") == words + 3
        assert server.usage_of(request_id)["completion_tokens"] == words


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_that_is_asked_for(echo_server: RunningServer, version: str) -> None:
    request = chat(echo_server, "expected", "expect: 100-continue", model="echo", stream=False)
    request = request.replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    start, _, body = request.partition(b"\r\n\r\n")
    with connected(echo_server) as connection:
        connection.sendall(start + b"\r\n\r\n")
        if version == "1.1":
            assert receive_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        answer = read_answer(connection)
    assert answer.json["choices"][0]["message"]["content"] == "expected"
    assert answer.headers.get("connection") == ("close" if version == "1.0" else None)


@pytest.mark.parametrize(
    ("key", "kind", "length", "status"),
    [("psk_wrong", "application/json", 100, 401), ("", "text/plain", 100, 415), ("", "application/json", 1 << 40, 413)],
    ids=["no key", "no JSON", "too large"],
)
def test_a_body_that_is_refused_is_never_asked_for(
    echo_server: RunningServer, key: str, kind: str, length: int, status: int
) -> None:
    lines = (f"x-api-key: {key or echo_server.key}", f"content-type: {kind}", f"content-length: {length}")
    with connected(echo_server) as connection:
        connection.sendall(head("POST", CHAT, *lines, "expect: 100-continue"))
        answer = read_answer(connection)
    assert (answer.status, answer.headers["connection"]) == (status, "close")


def test_a_stream_to_an_old_client_ends_with_its_connection(echo_server: RunningServer) -> None:
    with connected(echo_server) as connection:
        connection.sendall(chat(echo_server, "one two", model="echo").replace(b"HTTP/1.1", b"HTTP/1.0"))
        received = read_to_the_end(connection)
    start, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in start
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")


def test_an_upgrade_is_ignored_and_options_of_everything_is_nothing(echo_server: RunningServer) -> None:
    upgrade = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__")
    assert ask(echo_server, "GET", "/health", *upgrade).status == 200
    assert ask(echo_server, "OPTIONS", "*").error["code"] == "unknown_url"
    assert ask(echo_server, "BREW", "/health").error["code"] == "method_not_allowed"


def test_a_flood_of_refusals_and_of_new_connections(echo_server: RunningServer, canary: Canary) -> None:
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with connected(echo_server) as connection:
                connection.sendall(b"\x00" * 1000)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            canary.sings()
    finally:
        over.set()
        for thread in threads:
            thread.join()
