"""A server that answers chat requests by a script: what no real one can be brought to say when a test wants it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

MODELS = ("org/first", "org/second-large", "org/second-small")


@dataclass
class Reply:
    """One answer. `pieces` are texts, dicts (a whole event's object) or bytes (as they are)."""

    pieces: tuple[str | dict[str, Any] | bytes, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    finish_reason: str = "stop"
    ends: bool = True
    """Whether the end of the stream is told; without it the connection is cut after the pieces."""
    holds: bool = False
    """After the pieces, silence until the client leaves."""


@dataclass
class Script:
    """What comes next, and what was asked. When the script is at its end, the last reply comes again."""

    replies: list[Reply] = field(default_factory=list)
    models: tuple[str, ...] = MODELS
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the list of models says beside their names."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error in the wire's envelope. Underscores in the names of headers stand for hyphens."""
    error = {"message": message, "type": "some_error", "param": None, "code": code}
    return Reply(status=status, body={"error": error}, headers={k.replace("_", "-"): v for k, v in headers.items()})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: Script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def script(self) -> Script:
        return cast(_Server, self.server).script

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.script.keys.append(self.headers["authorization"].removeprefix("Bearer "))
        models = [{"id": name, **self.script.about.get(name, {})} for name in self.script.models]
        self._answer(Reply(body={"object": "list", "data": models}))

    def do_POST(self) -> None:
        self.script.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        reply = self.script.next()
        if reply.body is not None:
            self._answer(reply)
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self._stream(reply)
        except OSError:
            self.script.left.set()

    def _answer(self, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: Reply) -> None:
        self._event({"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        for piece in reply.pieces:
            self._event({"choices": [{"delta": {"content": piece}}]} if isinstance(piece, str) else piece)
        self.script.began.set()
        if reply.holds and not self.connection.recv(1):
            self.script.left.set()
        if reply.ends:
            self._event({"choices": [{"delta": {}, "finish_reason": reply.finish_reason}], "usage": None})
            usage = {
                "prompt_tokens": 31,
                "completion_tokens": len(reply.pieces),
                "total_tokens": 31 + len(reply.pieces),
            }
            self._event({"choices": [], "usage": usage})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

    def _event(self, event: dict[str, Any] | bytes) -> None:
        self._chunk(event if isinstance(event, bytes) else b"data: %b\n\n" % json.dumps(event).encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))


@contextmanager
def scripted(*replies: Reply, models: tuple[str, ...] = MODELS) -> Iterator[Script]:
    """A server on loopback that gives `replies` in their order."""
    script = Script(list(replies), models)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
