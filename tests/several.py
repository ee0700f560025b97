"""A server of several processes: which is which, and which of them has a connection."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from running_server import Answer, RunningServer, command_line, eventually, free_port, receive_until

CONFIG = """
workers = 2
drain_seconds = 20
batch_lease_seconds = 2
stall_seconds = {stall}
metrics_port = {metrics_port}

[[models]]
id = "echo"
engine = "echo"
context_length = 2000
slots = {slots}
[models.echo]
directives = true
tokens_per_second = {rate}
"""


def config(*, slots: int = 4, rate: int = 20, stall: int = 30) -> str:
    """Settings with two API processes and one echo model."""
    return CONFIG.format(slots=slots, rate=rate, stall=stall, metrics_port=free_port())


def processes(server: RunningServer) -> dict[str, psutil.Process]:
    """Name -> process: `owner`, `api 1` and so on, as far as they run now."""
    found = {}
    for child in psutil.Process(server.process.pid).children():
        if "penstock.cli.part" in (words := command_line(child)):
            found[words[-1]] = child
    return found


def of_connection(server: RunningServer, connection: socket.socket) -> str:
    """The name of the process that has the other end; "gone" where it died before it took the connection."""
    port = connection.getsockname()[1]

    def look() -> str | None:
        for name, process in processes(server).items():
            if any(each.raddr and each.raddr.port == port for each in process.net_connections("tcp")):
                return name
        return "gone" if _ended(connection) else None

    return eventually(look)


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def asking(server: RunningServer, content: str, *, key: str = "", **fields: Any) -> bytes:
    """The bytes of a request for a chat completion, whose connection stays open."""
    body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": content}], **fields}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
        f"authorization: Bearer {key or server.key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def connection_to(server: RunningServer, name: str) -> Iterator[socket.socket]:
    """An open connection to one process."""
    while True:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        if of_connection(server, connection) == name:
            break
        connection.close()
    with connection:
        yield connection


def ask_at(server: RunningServer, name: str, content: str, *, key: str = "", **fields: Any) -> Answer:
    """A whole answer by one process."""
    with connection_to(server, name) as connection:
        connection.sendall(asking(server, content, key=key, **fields))
        response = http.client.HTTPResponse(connection)
        response.begin()
        headers = {field.lower(): value for field, value in response.getheaders()}
        return Answer(response.status, headers, response.read(), cut=False)


@contextmanager
def streaming_at(server: RunningServer, name: str, content: str, *, key: str = "") -> Iterator[socket.socket]:
    """A stream under way at one process, whose first tokens have come."""
    with connection_to(server, name) as connection:
        connection.sendall(asking(server, content, key=key, stream=True))
        receive_until(connection, b'"content":"')
        yield connection


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the connection ends or the answer does."""
    received = b""
    try:
        while b"0\r\n\r\n" not in received and (part := connection.recv(65536)):
            received += part
    except ConnectionResetError:
        pass
    return received


def metric(server: RunningServer, line: str) -> float:
    """One number of GET /metrics; 0 where it is not there."""
    told = server.metrics().body.decode()
    return next((float(each.rpartition(" ")[2]) for each in told.splitlines() if each.startswith(line)), 0.0)
