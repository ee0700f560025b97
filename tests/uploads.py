"""Uploads as bytes of HTTP, and the folder of bodies that a server keeps."""

import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from running_server import Answer, RunningServer

BOUNDARY = "zwischen-den-Teilen"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'


def file_head(filename: bytes = b"input.jsonl") -> bytes:
    """What stands before a file's own bytes."""
    head = b'--%b\r\ncontent-disposition: form-data; name="file"; filename="%b"\r\n\r\n'
    return head % (BOUNDARY.encode(), filename)


def field(name: str, value: str) -> bytes:
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    return head.encode()


END = f"--{BOUNDARY}--\r\n".encode()


def form(body: bytes = LINE, *, filename: bytes = b"input.jsonl", **fields: str) -> bytes:
    """A whole form: the file first, as the official client sends it, then the fields; purpose is batch."""
    given = {"purpose": "batch", **fields}
    return file_head(filename) + body + b"\r\n" + b"".join(field(*one) for one in given.items()) + END


def post(
    server: RunningServer, body: bytes, *, path: str = "/v1/files", key: str | None = None, **headers: str
) -> Answer:
    """One upload."""
    given = {"authorization": f"Bearer {key or server.key}", "content-type": TYPE, **headers}
    return server.request("POST", path, body, given)


def upload(server: RunningServer, body: bytes = LINE, **fields: Any) -> dict[str, Any]:
    """The file object of a good upload."""
    answer = post(server, form(body, **fields))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def begin(server: RunningServer, *headers: str, key: str | None = None) -> socket.socket:
    """A connection on which an upload has begun: the head is out."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    lines = [
        "POST /v1/files HTTP/1.1",
        "host: x",
        f"authorization: Bearer {key or server.key}",
        f"content-type: {TYPE}",
        *headers,
    ]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    return connection


def chunks(parts: Iterable[bytes]) -> Iterable[bytes]:
    """A body in the chunks of HTTP, without its end."""
    for part in parts:
        yield b"%x\r\n%b\r\n" % (len(part), part)


def stored(folder: Path) -> list[str]:
    """Every file in the folder of bodies, those under way too."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name[0] != "."
    )


def listed(server: RunningServer, key: str | None = None, query: str = "") -> list[dict[str, Any]]:
    """The files of the account."""
    answer = server.request("GET", f"/v1/files{query}", headers={"authorization": f"Bearer {key or server.key}"})
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = json.loads(answer.body)["data"]
    return found
