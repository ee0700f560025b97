"""Requests that the owner answers: handed on to it and back, byte for byte, by an API process."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress

import httptools

from penstock.errors import ApiError
from penstock.processes.inside import PRIVATE, private_headers
from penstock.processes.refusals import owner_away
from penstock.web.asgi import LINE, ClientGone, Headers, Line, Receive, Scope, Send

_CONNECT_SECONDS = 5.0
_BUFFERED_BYTES = 256 << 10
_ASKING = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    *(b"content-length", b"expect", *PRIVATE),
}
"""Headers of a request that are between two connections alone, or that we write anew."""
_ANSWERING = {b"connection", b"keep-alive", b"transfer-encoding", b"date"}
_REFUSAL = "penstock.refusal"


class _Broken(Exception):
    """The owner went before its answer was whole."""


class _Asked(asyncio.Protocol):
    """One connection to the owner, for one request."""

    def __init__(self, *, bodiless: bool) -> None:
        """`bodiless`: whether the answer has no body, whatever its head says."""
        self.status = 0
        self.headers: Headers = []
        self.whole = False
        self.left = False
        self._bodiless = bodiless
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._bytes = 0
        self._lost = False
        self._came = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.left = True
        self.transport.abort()

    async def write(self, data: bytes) -> None:
        """Send, and wait while the owner reads slower."""
        if not self.transport.is_closing():
            self.transport.write(data)
        await self._writable.wait()

    async def head(self) -> None:
        """Wait for status and headers. Raises _Broken."""
        while not self.status:
            await self._more()

    async def part(self) -> bytes | None:
        """What came since the last call; None at the end. Raises _Broken."""
        while not self._parts:
            if self.whole:
                return None
            await self._more()
        data, self._bytes = b"".join(self._parts), 0
        self._parts.clear()
        if not self._lost:
            self.transport.resume_reading()
        return data

    async def _more(self) -> None:
        if self._lost:
            raise _Broken
        self._came.clear()
        await self._came.wait()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()
        if self._bytes > _BUFFERED_BYTES:
            self.transport.pause_reading()
        self._came.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._came.set()
        self._writable.set()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.whole = self._bodiless

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)
        self._bytes += len(part)

    def on_message_complete(self) -> None:
        self.whole = True


class HandOn:
    """The ASGI application of an API process: `front` answers its own paths, the owner all others."""

    def __init__(
        self,
        front: Callable[[Scope, Receive, Send], Awaitable[None]],
        own: Container[str],
        *,
        secret: str,
        port: Callable[[], int],
    ) -> None:
        """`port` is where the owner listens inside; 0 while it is away."""
        self._front = front
        self._own = own
        self._secret = secret
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self._own:
            try:
                await self._hand_on(scope, receive, send)
            except (ApiError, ClientGone) as error:
                scope[_REFUSAL] = error
            else:
                return
        await self._front(scope, receive, send)

    async def _hand_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Unavailable where the owner is away, ClientGone, and what reading the body raises; none of them once
        an answer has begun, which is cut then."""
        loop, line = asyncio.get_running_loop(), _line(scope)
        port = self._port()
        if not port:
            raise owner_away()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, asked = await loop.create_connection(
                    lambda: _Asked(bodiless=scope["method"] == "HEAD"), "127.0.0.1", port
                )
        except (OSError, TimeoutError) as error:
            raise owner_away() from error
        sending = loop.create_task(_send_request(asked, self._secret, scope, receive))
        line.when_left(asked.leave)
        try:
            await _answer(asked, sending, send)
        finally:
            line.when_left(None)
            sending.cancel()
            asked.transport.abort()
            await asyncio.wait({sending})
            if not sending.cancelled():
                sending.exception()  # told already, or nobody is there to be told


async def refused(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the front of an API process: the error of a request that could not be handed on."""
    raise scope[_REFUSAL]


def _line(scope: Scope) -> Line:
    line: Line = scope[LINE]
    return line


async def _send_request(asked: _Asked, secret: str, scope: Scope, receive: Receive) -> None:
    given: Headers = scope["headers"]
    lengths = [value for name, value in given if name == b"content-length"]
    chunked = not lengths and any(name == b"transfer-encoding" for name, _ in given)
    path, query = scope["raw_path"], scope["query_string"]
    target = b"%b?%b" % (path, query) if query else path
    kept = [pair for pair in given if pair[0] not in _ASKING]
    if not any(name == b"host" for name, _ in given):  # HTTP/1.0 may do without
        kept.append((b"host", b"127.0.0.1"))
    framing: Headers = [(b"transfer-encoding", b"chunked")] if chunked else []
    framing += [(b"content-length", lengths[0])] if lengths else []
    headers = [*kept, *framing, (b"connection", b"close"), *private_headers(secret, scope)]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    await asked.write(b"%b %b HTTP/1.1\r\n%b\r\n" % (scope["method"].encode(), target, lines))
    more = chunked or (bool(lengths) and lengths[0] != b"0")
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            asked.leave()
            return
        more = message.get("more_body", False)
        if part := message.get("body", b""):
            await asked.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
    if chunked:
        await asked.write(b"0\r\n\r\n")


async def _answer(asked: _Asked, sending: "asyncio.Task[None]", send: Send) -> None:
    heading = asyncio.ensure_future(asked.head())
    try:
        await asyncio.wait({heading, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not heading.done():
            sending.result()  # the body failed: the client is told why
            await asyncio.wait({heading})
        heading.result()
    except _Broken:
        raise (ClientGone() if asked.left else owner_away()) from None
    finally:
        heading.cancel()
    headers = [pair for pair in asked.headers if pair[0] not in _ANSWERING]
    await send({"type": "http.response.start", "status": asked.status, "headers": headers})
    with suppress(_Broken):  # to return without an end is what cuts the connection
        while (part := await asked.part()) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
