"""One request and its answer on a connection, as an ASGI application sees them."""

import asyncio
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.flow import Flow
from penstock.api.transport.head import Head
from penstock.errors import ApiError
from penstock.web.asgi import LINE, Headers, Scope

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = (204, 304)


class Turn:
    """The `receive` and `send` of one request. The connection feeds it, and asks it at its end what comes next."""

    def __init__(self, head: Head, transport: asyncio.Transport, flow: Flow, *, date: bytes, bounds: Bounds) -> None:
        self._head = head
        self._transport = transport
        self._flow = flow
        self._date = date
        self._bounds = bounds
        self._came = asyncio.Event()
        self._parts: list[bytes] = []
        self._body_delivered = False
        self._body_error: ApiError | None = None
        self._client_left = False
        self._then: Callable[[], None] | None = None
        self._answer_head: bytes | None = None
        """Written together with the first part of the body."""
        self._started = False
        self._chunked = False
        self._left: int | None = None
        """What is missing of a body with a Content-Length."""
        self._expects_continue = head.expects_continue and head.has_body
        self.body_done = not head.has_body
        self.keep_alive = head.keep_alive
        self.complete = False

    def scope(self, connection: Scope) -> Scope:
        """The ASGI scope, with what `connection` has for all of its requests."""
        head = self._head
        path = head.path if b"%" not in head.path else unquote_to_bytes(head.path)
        return {
            **connection,
            "http_version": head.version,
            "method": head.method,
            "path": path.decode("utf-8", "replace"),
            "raw_path": head.path,
            "query_string": head.query,
            "headers": head.headers,
            LINE: self,
        }

    # What the connection tells

    def body_came(self, part: bytes, *, done: bool) -> None:
        """One more part of the body."""
        if part:
            self._parts.append(part)
        self._expects_continue = False
        self.body_done = done
        self._came.set()

    @property
    def unread_bytes(self) -> int:
        """What has come of the body and was not asked for yet."""
        return sum(map(len, self._parts))

    def body_failed(self, error: ApiError) -> None:
        """The rest of the body will not come, or is none: whoever reads it gets `error`."""
        self._body_error = error
        self.keep_alive = False
        self._came.set()

    def client_left(self) -> None:
        """Nobody waits for the answer any more; what is written still goes out, where the connection can take it."""
        self._client_left = True
        self._came.set()
        self._tell_left()

    # What the application calls: `Line` of web/asgi.py, and ASGI

    def when_left(self, then: Callable[[], None] | None) -> None:
        """Call `then` when the client leaves."""
        self._then = then
        if then is not None:
            self._flow.resume_reading()  # what nobody reads tells of no end
            if self._client_left:
                asyncio.get_running_loop().call_soon(self._tell_left)

    def _tell_left(self) -> None:
        if self._then is not None:
            self._then()

    def write(self, data: bytes) -> bool:
        """Send a part of the body, where nothing has to be waited for; else False."""
        if self._answer_head is not None or not self._started:
            return False
        if self._flow.writing_held or len(data) > self._bounds.write_piece_bytes:
            return False
        if not self._transport.is_closing():
            self._transport.write(self._framed(data, more=True))
        return True

    async def receive(self) -> dict[str, Any]:
        """The next part of the body, and after the last one the news that the client has left."""
        if self._expects_continue and not self._started:
            self._expects_continue = False
            self._transport.write(_CONTINUE)
        while not (self._parts or self._client_left or self.complete or self._ends()):
            self._came.clear()
            if self._body_error is not None:
                raise self._body_error
            self._flow.resume_reading()
            await self._came.wait()
        if self._parts or self._ends():
            body = b"".join(self._parts)
            self._parts.clear()
            self._body_delivered = self.body_done
            return {"type": "http.request", "body": body, "more_body": not self.body_done}
        return {"type": "http.disconnect"}

    def _ends(self) -> bool:
        return self.body_done and not self._body_delivered

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take the head of the answer, or a part of its body. Waits while the client reads slower than we write."""
        if self._flow.writing_held:
            await self._flow.writable()
        if self._transport.is_closing():
            return
        if message["type"] == "http.response.start":
            assert not self._started
            self._answer_head = self._render(message["status"], message.get("headers", ()))
            self._started = True
            return
        more: bool = message.get("more_body", False)
        data = self._framed(message.get("body", b""), more=more)
        if self._answer_head is not None:
            data, self._answer_head = self._answer_head + data, None
        if len(data) <= self._bounds.write_piece_bytes:
            self._transport.write(data)
        else:
            await self._write_in_pieces(data)
        if not more:
            self.complete = True
            self._came.set()

    def _render(self, status: int, headers: Headers) -> bytes:
        lines = [_STATUS_LINES[status], self._date]
        chunked = True
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
                chunked = False
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        # A body that we did not read to its end stands between us and the next request.
        self.keep_alive = self.keep_alive and self.body_done
        if self._head.method == "HEAD" or status in _BODILESS:
            self._left, chunked = None, False
        elif chunked and self._head.version == "1.0":
            self.keep_alive = chunked = False  # the end of the connection is the end of the body
        elif chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        self._chunked = chunked
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        elif self._head.version == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        rendered = b"".join(lines)
        if rendered.count(b"\r") != len(lines) or rendered.count(b"\n") != len(lines):
            raise ValueError("a header of an answer has a line break in it")
        return rendered + b"\r\n"

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        """A part of the body as it goes over the wire."""
        assert self._started
        assert not self.complete
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + b"0\r\n\r\n"
        if self._head.method == "HEAD":
            return b""
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise ValueError("the body of an answer has another length than was announced")
        return body

    async def _write_in_pieces(self, data: bytes) -> None:
        piece = self._bounds.write_piece_bytes
        for at in range(0, len(data), piece):
            await self._flow.writable()
            if self._transport.is_closing():
                return
            self._transport.write(data[at : at + piece])
