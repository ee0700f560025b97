"""Requests that no HTTP client would send, byte for byte, and their answers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead

from running_server import Answer, RunningServer


@contextmanager
def connected(server: RunningServer, *, seconds: float = 30) -> Iterator[socket.socket]:
    """A raw connection; a wait on it fails after `seconds`."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        yield connection


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """One whole answer, to a request with this method. What was sent ahead of its turn is lost with it."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    try:
        return Answer(response.status, headers, response.read(), cut=False)
    except IncompleteRead as error:
        return Answer(response.status, headers, error.partial, cut=True)


def head(method: str, target: str, *lines: str, host: str = "x") -> bytes:
    """A request's head, with these header lines as they are."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"host: {host}", *lines, "", ""]).encode("latin-1")


def ask(server: RunningServer, method: str, target: str, *lines: str, host: str = "x", body: bytes = b"") -> Answer:
    """The answer to one request; nothing about `target` is tidied up on its way, and no credential is added."""
    if body:
        lines = (*lines, f"content-length: {len(body)}")
    with connected(server) as connection:
        connection.sendall(head(method, target, *lines, host=host) + body)
        return read_answer(connection, method)


def read_to_the_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received
