"""A listener in the test's own loop, with small ASGI applications behind it and bounds that are soon reached."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.web.asgi import Receive, Scope, Send

SOON = Bounds(sweep_seconds=0.02)
"""The real bounds, looked at more often."""

App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def reply(send: Send, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """A whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked."""
    body = await read_body(receive)
    said = {name: scope[name] for name in ("method", "path", "http_version")} | {"body": body.decode("latin-1")}
    await reply(send, json.dumps(said).encode())


async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answers nothing."""
    await asyncio.Event().wait()


@dataclass
class Client:
    """The other end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, bodiless: bool = False) -> "Reply":
        """One answer; with a Content-Length, in chunks, or up to the end of the connection."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")[:-2]
        headers = dict(line.lower().split(": ", 1) for line in lines)
        reply = Reply(int(status_line.split(" ")[1]), headers)
        if bodiless or reply.status == 100:
            return reply
        if "content-length" in headers:
            reply.body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                reply.chunks.append((await self.reader.readexactly(size + 2))[:-2])
            assert await self.reader.readexactly(2) == b"\r\n"
            reply.body = b"".join(reply.chunks)
        else:
            reply.body = await self.reader.read()
        return reply

    async def ended(self) -> bool:
        """Whether the server ends the connection, without a word more."""
        return await self.reader.read() == b""


@dataclass
class Reply:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


@asynccontextmanager
async def serving(app: App, bounds: Bounds = SOON) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    """The application on a free port; gives what opens a connection to it. Every wait in the block has 20 s."""
    listener = HttpListener(app, bounds)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    await listener.start(listening)
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    try:
        async with asyncio.timeout(20):
            yield connect
    finally:
        for client in clients:
            client.writer.close()
        await listener.close()
