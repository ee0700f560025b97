"""The client that engines are asked with: when a connection is used again, and what ends one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from scripted_engine import Connection, engine, read_request

from penstock.engines.engine import Endpoint
from penstock.engines.upstream import Answer, Upstream, UpstreamAway, UpstreamBroken

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    asks = Upstream()
    try:
        yield asks
    finally:
        await asks.close()


async def ask(asks: Upstream, endpoint: Endpoint) -> bytes:
    answer = await asks.post(endpoint.url, "/", b"{}", api_key="k")
    body = await answer.body(most=1 << 20)
    answer.leave()
    return body


class Engine:
    """Answers every request with `parts`, and says how many connections it took and whether they have ended."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts
        self.connections = 0
        self.ended = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await read_request(reader)
                for part in self._parts:
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()


async def until_ended(one: Engine) -> None:
    async with asyncio.timeout(5):
        await one.ended.wait()


async def test_a_connection_whose_answer_was_read_is_used_again() -> None:
    one = Engine(WHOLE)
    async with engine(one) as endpoint, upstream() as asks:
        assert [await ask(asks, endpoint) for _ in range(3)] == [b"ok"] * 3
    assert one.connections == 1


async def test_an_engine_that_wants_to_close_is_not_asked_again_on_that_connection() -> None:
    one = Engine(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    async with engine(one) as endpoint, upstream() as asks:
        assert [await ask(asks, endpoint) for _ in range(2)] == [b"ok"] * 2
    assert one.connections == 2


async def test_an_interim_answer_is_none() -> None:
    async with engine(Engine(b"HTTP/1.1 102 Processing\r\n\r\n", WHOLE)) as endpoint, upstream() as asks:
        assert await ask(asks, endpoint) == b"ok"


@pytest.mark.parametrize("surplus", [WHOLE, b"HTTP/1.1 200 OK\r\n", b"nonsense"], ids=["answer", "half", "nonsense"])
async def test_nobody_gets_the_second_answer_to_one_question(surplus: bytes) -> None:
    first = True

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        await read_request(reader)
        writer.write(WHOLE + surplus if first else WHOLE.replace(b"ok", b"no"))
        first = False
        await reader.read()

    async with engine(connection) as endpoint, upstream() as asks:
        answer = await asks.post(endpoint.url, "/", b"{}", api_key="k")
        assert b"".join(answer.take()) == b"ok"
        answer.leave()
        assert await ask(asks, endpoint) == b"no"


async def test_words_that_nobody_asked_for_end_the_connection() -> None:
    spoken, ended = asyncio.Event(), asyncio.Event()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(WHOLE)
        await spoken.wait()
        writer.write(WHOLE)
        await reader.read()
        ended.set()

    async with engine(connection) as endpoint, upstream() as asks:
        assert await ask(asks, endpoint) == b"ok"
        spoken.set()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_leaving_in_the_middle_ends_the_connection() -> None:
    one = Engine(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    async with engine(one) as endpoint, upstream() as asks:
        (await asks.post(endpoint.url, "/", b"{}", api_key="k")).leave()
        await until_ended(one)


async def test_the_last_bytes_of_an_answer_may_come_after_its_reader_has_left() -> None:
    left = asyncio.Event()
    connections = 0

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for body in (b"one", b"two"):
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n%b\r\n" % body)
            if body == b"one":
                await left.wait()
            writer.write(b"0\r\n\r\n")

    async with engine(connection) as endpoint, upstream() as asks:
        answer = await asks.post(endpoint.url, "/", b"{}", api_key="k")
        answer.leave_soon()
        left.set()
        async with asyncio.timeout(5):
            while not answer.whole:
                await asyncio.sleep(0.01)
        assert await ask(asks, endpoint) == b"two"
    assert connections == 1


async def test_an_answer_whose_end_does_not_come_is_ended() -> None:
    one = Engine(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    async with engine(one) as endpoint, upstream() as asks:
        (await asks.post(endpoint.url, "/", b"{}", api_key="k")).leave_soon()
        await until_ended(one)


async def test_what_is_not_read_is_held_back_and_comes_whole() -> None:
    size = 8 << 20
    sent = asyncio.Event()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        await writer.drain()
        sent.set()

    async with engine(connection) as endpoint, upstream() as asks:
        answer = await asks.post(endpoint.url, "/", b"{}", api_key="k")
        held = await _until_quiet(answer)
        assert held < size / 2, "an answer that nobody reads waits in the engine, not here"
        assert not sent.is_set()
        assert len(await answer.body(most=size)) == size


async def _until_quiet(answer: Answer) -> int:
    async with asyncio.timeout(10):
        while not answer.held_back:
            await asyncio.sleep(0.01)
    return answer.unread_bytes


@pytest.mark.parametrize(
    "wire",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", b"x: " + b"y" * 100_000],
    ids=["nothing", "half a head", "half a body", "no head"],
)
async def test_every_answer_that_breaks_off_is_broken(wire: bytes) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(wire)
        await writer.drain()

    with pytest.raises(UpstreamBroken):
        async with engine(connection) as endpoint, upstream() as asks:
            await ask(asks, endpoint)


async def test_a_head_without_end_is_given_up() -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: y\r\n" * 1000)
            await writer.drain()

    async with engine(connection) as endpoint, upstream() as asks:
        with pytest.raises(UpstreamBroken):
            await ask(asks, endpoint)


async def test_an_engine_that_is_not_there() -> None:
    async with upstream() as asks:
        with pytest.raises(UpstreamAway):
            await asks.post("http://127.0.0.1:1", "/", b"{}", api_key="k")


async def test_an_engine_that_ends_over_a_request_was_there() -> None:
    """Else nobody would ever find out which request it is that ends it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(WHOLE)
        await read_request(reader)
        server.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with upstream() as asks:
        answer = await asks.post(url, "/", b"{}", api_key="k")
        assert await answer.body(most=2) == b"ok"
        answer.leave()
        with pytest.raises(UpstreamBroken) as told:
            await asks.post(url, "/", b"{}", api_key="k")
        assert not isinstance(told.value, UpstreamAway)


class Wire:
    """A transport of which only its end matters."""

    ended = False

    def write(self, _data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return self.ended

    def abort(self) -> None:
        self.ended = True


async def test_who_leaves_in_the_moment_of_the_head_stops_the_engine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, wire = Answer([]), Wire()
    answer.connection_made(wire)  # type: ignore[arg-type]

    async def connect(_url: str, _idle: list[Answer]) -> Answer:
        return answer

    asks = Upstream()
    monkeypatch.setattr(asks, "_connect", connect)
    asking = asyncio.create_task(asks.post("http://127.0.0.1:1", "/", b"{}", api_key="k"))
    for _ in range(3):
        await asyncio.sleep(0)
    answer.data_received(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert wire.ended


async def test_more_than_was_allowed_is_not_read() -> None:
    answering: Connection = Engine(WHOLE)
    async with engine(answering) as endpoint, upstream() as asks:
        answer = await asks.post(endpoint.url, "/", b"{}", api_key="k")
        with pytest.raises(UpstreamBroken):
            await answer.body(most=1)
