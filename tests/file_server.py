"""An HTTP server on loopback that speaks what pip and the hub's client ask for, and can break off or hold back."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c0ffee" + "0" * 34


@dataclass
class FileServer:
    """What it serves, and what it was asked."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> body."""
    etags: dict[str, str] = field(default_factory=dict)
    """Path -> entity tag, where that is not to be the body's SHA-256."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next long bodies breaks off."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Long bodies stop at their middle until it is set."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, Range header) of every request."""
    keys: set[str] = field(default_factory=set)
    """The Authorization headers seen."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def gets(self, ending: str) -> list[str]:
        """The Range headers of the GET requests for a file."""
        return [ranges for method, path, ranges in self.asked if method == "GET" and path.endswith(ending)]

    def add_wheel(self, wheel: Path) -> None:
        """Offer a wheel in the form of a package index."""
        name = wheel.name.split("-")[0].replace("_", "-")
        body = wheel.read_bytes()
        self.files[f"/files/{wheel.name}"] = body
        digest = hashlib.sha256(body).hexdigest()
        link = f'<a href="/files/{wheel.name}#sha256={digest}">{wheel.name}</a>'
        self.files[f"/simple/{name}/"] = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()

    def add_repository(self, repo: str, files: dict[str, bytes]) -> None:
        """Offer a repository in the form of the hub, at `main`."""
        for name, body in files.items():
            for revision in ("main", COMMIT):
                self.files[f"/{repo}/resolve/{revision}/{name}"] = body
        tree = [{"type": "file", "path": name, "size": len(body), "oid": "0" * 40} for name, body in files.items()]
        self.files[f"/api/models/{repo}/tree/main"] = json.dumps(tree).encode()


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A running server, its gate open."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.shelf = FileServer(server.server_address[1])
        server.shelf.gate.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.shelf
        finally:
            server.shelf.gate.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    shelf: FileServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        shelf, path = self.server.shelf, self.path.partition("?")[0]
        ranges = self.headers.get("Range", "")
        shelf.asked.append((self.command, path, ranges))
        shelf.keys.update(self.headers.get_all("Authorization") or [])
        body = shelf.files.get(path)
        if body is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._head(path, body, start := _start(ranges))
        if with_body:
            self._body(body[start:], long=path.endswith((".whl", ".gguf")))

    def _head(self, path: str, body: bytes, start: int) -> None:
        kind = "text/html" if path.startswith("/simple") else "application/octet-stream"
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/json" if path.startswith("/api") else kind)
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{self.server.shelf.etags.get(path, hashlib.sha256(body).hexdigest())}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()

    def _body(self, body: bytes, *, long: bool) -> None:
        shelf = self.server.shelf
        if long and shelf.cuts:
            self.wfile.write(body[: shelf.cuts.pop(0)])
            self.close_connection = True
            return
        middle = len(body) // 2
        self.wfile.write(body[:middle])
        if long:
            shelf.gate.wait()
        self.wfile.write(body[middle:])

    def log_message(self, *_: Any) -> None:
        pass


def _start(ranges: str) -> int:
    match = re.fullmatch(r"bytes=(\d+)-", ranges)
    return int(match[1]) if match else 0
