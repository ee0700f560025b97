"""The listener: how a server ends with connections in every state, and how many it holds."""

import asyncio
import socket

import pytest
from api.transport.serving_app import SOON, Client, mirror, never, serving

from penstock.api.transport.listener import HttpListener
from penstock.web.asgi import Receive, Scope, Send

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def listening(app: object) -> tuple[HttpListener, int]:
    listener = HttpListener(app, SOON)  # type: ignore[arg-type]
    taken = socket.create_server(("127.0.0.1", 0))
    await listener.start(taken)
    return listener, taken.getsockname()[1]


async def test_an_end_closes_what_is_idle_and_lets_answers_finish() -> None:
    began = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            began.set()
            await asyncio.sleep(0.1)
        await mirror(scope, receive, send)

    listener, port = await listening(app)
    fresh, idle, half, busy = [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(4)]
    await idle.send(GET)
    assert (await idle.answer()).status == 200
    await half.send(GET[:-2])
    await busy.send(GET.replace(b"/ ", b"/slow ") + GET)
    await began.wait()
    async with asyncio.timeout(10):
        await listener.close()
        for client in (fresh, idle, half):
            assert await client.ended()
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await busy.ended()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    for client in (fresh, idle, half, busy):
        client.writer.close()


async def test_an_end_does_not_wait_for_what_never_ends() -> None:
    listener, port = await listening(never)
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    await client.send(GET)
    async with asyncio.timeout(10):
        await listener.close()
        with pytest.raises(ConnectionError):
            await client.reader.readexactly(1)
    client.writer.close()


async def test_many_idle_connections_take_no_time_from_one_that_asks() -> None:
    async with serving(mirror) as connect:
        idle = [await connect() for _ in range(300)]
        for client in idle[::3]:
            await client.send(GET[:-2])
        canary = await connect()
        async with asyncio.timeout(2):
            await canary.send(GET)
            assert (await canary.answer()).status == 200
        for client in idle[::3]:
            await client.send(b"\r\n")
            assert (await client.answer()).status == 200
