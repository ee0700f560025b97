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
from penstock.web.asgi import LINE, Headers, Scope, header_lines

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = (204, 304)


class Turn:
    """The `receive` and `send` of one request. The connection feeds it, and asks it at its end what comes next."""

    __slots__ = (
        *("_added", "_answer_head", "_body_delivered", "_body_error", "_bounds", "_came", "_chunked", "_client_left"),
        *("_date", "_expects_continue", "_flow", "_head", "_left", "_parts", "_started", "_then", "_transport"),
        *("body_done", "complete", "keep_alive", "task"),
    )

    def __init__(self, head: Head, transport: asyncio.Transport, flow: Flow, *, date: bytes, bounds: Bounds) -> None:
        self._head = head
        self._transport = transport
        self._flow = flow
        self._date = date
        self._bounds = bounds
        self._came: asyncio.Event | None = None
        """Where somebody waits for the body, or for the client to leave."""
        self._parts: list[bytes] = []
        self._body_delivered = False
        self._body_error: ApiError | None = None
        self._client_left = False
        self._then: Callable[[], None] | None = None
        self._added = b""
        self._answer_head = b""
        """Written together with the first part of the body."""
        self._started = False
        self._chunked = False
        self._left: int | None = None
        """What is missing of a body with a Content-Length."""
        self._expects_continue = head.expects_continue and head.has_body
        self.body_done = not head.has_body
        self.keep_alive = head.keep_alive
        self.complete = False
        self.task: asyncio.Task[None] | None = None

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
        self._tell()

    @property
    def unread_bytes(self) -> int:
        """What has come of the body and was not asked for yet."""
        return sum(map(len, self._parts))

    def body_failed(self, error: ApiError) -> None:
        """The rest of the body will not come, or is none: whoever reads it gets `error`."""
        self._body_error = error
        self.keep_alive = False
        self._tell()

    def client_left(self) -> None:
        """Nobody waits for the answer any more; what is written still goes out, where the connection can take it."""
        self._client_left = True
        self._tell()
        self._tell_left()

    def _tell(self) -> None:
        if self._came is not None:
            self._came.set()

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

    def whole_body(self) -> bytes | None:
        """The body; None where it has not come to its end yet, and has to be received."""
        if not self._ends():
            return None
        self._body_delivered = True
        return self._taken()

    def _taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def add(self, lines: bytes) -> None:
        """Put these headers on the answer, whoever begins it."""
        self._added = lines

    def begin(self, status: int, lines: bytes, *, length: int | None = None) -> None:
        """Begin the answer, whose body has a `length` in bytes, or None yet. Its head goes out with its first part."""
        assert not self._started
        self._started = True
        framing = self._frame(status, length)
        self._answer_head = b"%b%b%b%b%b\r\n" % (_STATUS_LINES[status], self._date, lines, self._added, framing)

    def _frame(self, status: int, length: int | None) -> bytes:
        """The headers that say where the answer ends, and whether another one may follow."""
        old = self._head.version == "1.0"
        bodiless = status in _BODILESS or self._head.method == "HEAD"
        # A body that we did not read to its end stands between us and the next request.
        self.keep_alive = self.keep_alive and self.body_done
        lines = b""
        if length is not None:
            lines = b"content-length: %d\r\n" % length
            self._left = None if bodiless else length
        elif old and not bodiless:
            self.keep_alive = False  # the end of the connection is the end of the body
        elif not bodiless:
            lines = b"transfer-encoding: chunked\r\n"
            self._chunked = True
        if not self.keep_alive:
            return lines + b"connection: close\r\n"
        return lines + b"connection: keep-alive\r\n" if old else lines

    def write(self, data: bytes) -> bool:
        """Send a part of the body, where nothing has to be waited for; else False."""
        if not self._started or self._flow.writing_held or len(data) > self._bounds.write_piece_bytes:
            return False
        if not self._transport.is_closing():
            self._transport.write(self._framed(data, more=True))
        return True

    def end(self, data: bytes) -> bool:
        """Send the last part of the body, where nothing has to be waited for; else False."""
        if not self._started or self._flow.writing_held or len(data) > self._bounds.write_piece_bytes:
            return False
        if not self._transport.is_closing():
            self._transport.write(self._framed(data, more=False))
            self._completed()
        return True

    def answer(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer, where nothing has to be waited for; else False."""
        if self._flow.writing_held or len(body) > self._bounds.write_piece_bytes:
            return False
        self.begin(status, lines, length=len(body))
        return self.end(body)

    def _completed(self) -> None:
        self.complete = True
        self._tell()

    async def receive(self) -> dict[str, Any]:
        """The next part of the body, and after the last one the news that the client has left."""
        if self._expects_continue and not self._started:
            self._expects_continue = False
            self._transport.write(_CONTINUE)
        while not (self._parts or self._client_left or self.complete or self._ends()):
            if self._body_error is not None:
                raise self._body_error
            self._flow.resume_reading()
            await self._something()
        if self._parts or self._ends():
            self._body_delivered = self.body_done
            return {"type": "http.request", "body": self._taken(), "more_body": not self.body_done}
        return {"type": "http.disconnect"}

    async def _something(self) -> None:
        """Wait for whatever comes next."""
        if self._came is None:
            self._came = asyncio.Event()
        self._came.clear()
        await self._came.wait()

    def _ends(self) -> bool:
        return self.body_done and not self._body_delivered

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take the head of the answer, or a part of its body. Waits while the client reads slower than we write."""
        if self._flow.writing_held:
            await self._flow.writable()
        if self._transport.is_closing():
            return
        if message["type"] == "http.response.start":
            self._begin_as_told(message["status"], message.get("headers", ()))
            return
        more: bool = message.get("more_body", False)
        data = self._framed(message.get("body", b""), more=more)
        if len(data) <= self._bounds.write_piece_bytes:
            self._transport.write(data)
        else:
            await self._write_in_pieces(data)
        if not more:
            self._completed()

    def _begin_as_told(self, status: int, headers: Headers) -> None:
        length, others = None, []
        for name, value in headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
            else:
                others.append((name, value))
        self.begin(status, header_lines(others), length=length)

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        """A part of the body as it goes over the wire, the first one with the head before it."""
        assert self._started
        assert not self.complete
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            data = data if more else data + b"0\r\n\r\n"
        elif self._head.method == "HEAD":
            data = b""
        else:
            self._count(len(body), more=more)
            data = body
        if self._answer_head:
            data, self._answer_head = self._answer_head + data, b""
        return data

    def _count(self, size: int, *, more: bool) -> None:
        if self._left is not None:
            self._left -= size
            if self._left < 0 or (self._left and not more):
                raise ValueError("the body of an answer has another length than was announced")

    async def _write_in_pieces(self, data: bytes) -> None:
        piece = self._bounds.write_piece_bytes
        for at in range(0, len(data), piece):
            await self._flow.writable()
            if self._transport.is_closing():
                return
            self._transport.write(data[at : at + piece])
