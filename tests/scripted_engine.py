"""An engine that says exactly the bytes a test gives it, over a real socket; and a relay to reach it with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.engines.relay import Relay

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TOKEN = (
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
)
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


@asynccontextmanager
async def engine(connection: Connection, **fields: Any) -> AsyncIterator[Endpoint]:
    """An engine whose every connection is served by `connection`; `fields` say what else is known of it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await connection(reader, writer)
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        endpoint = Endpoint("m", f"http://127.0.0.1:{port}", "m", "k", Echo(context_length=64), 4, 64, 64)
        yield replace(endpoint, **fields)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def answering(*parts: bytes, then_close: bool = True) -> Connection:
    """Reads one request, and answers it with these bytes."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then_close:
            writer.close()
        else:
            await reader.read()

    return connection


@asynccontextmanager
async def relay(stall_seconds: float = 30.0) -> AsyncIterator[Relay]:
    """Somebody who talks to engines."""
    talks = Relay(stall_seconds=stall_seconds)
    try:
        yield talks
    finally:
        await talks.close()
