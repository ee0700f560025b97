"""One request and its answer: framing, 100-continue, older clients, and readers that are slow."""

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import replace

import pytest
from api.transport.serving_app import SOON, App, Client, mirror, read_body, reply, serving

from penstock.web.asgi import LINE, Line, Receive, Scope, Send, header_lines

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"


def streaming(parts: Iterable[bytes], *, status: int = 200) -> App:
    """An application that does not say how long its answer is."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


async def test_an_answer_of_unknown_length_comes_in_chunks() -> None:
    async with serving(streaming([b"one", b"", b"two"])) as connect:
        client = await connect()
        for _ in range(2):
            await client.send(GET)
            answer = await client.answer()
            assert answer.chunks == [b"one", b"two"], "an empty part would be the end"
            assert "content-length" not in answer.headers


@pytest.mark.parametrize("app", [mirror, streaming([b"one"])])
async def test_the_answer_to_head_has_no_body(app: App) -> None:
    async with serving(app) as connect:
        client = await connect()
        await client.send(b"HEAD" + GET[3:] + GET)
        answer = await client.answer(bodiless=True)
        assert answer.status == 200
        assert "transfer-encoding" not in answer.headers
        assert (await client.answer()).body


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body(status: int) -> None:
    async with serving(streaming([], status=status)) as connect:
        client = await connect()
        await client.send(GET + GET)
        for _ in range(2):
            answer = await client.answer(bodiless=True)
            assert (answer.status, "transfer-encoding" in answer.headers) == (status, False)


async def test_an_old_client_gets_the_end_of_the_connection_for_the_end_of_the_answer() -> None:
    async with serving(streaming([b"one", b"two"])) as connect:
        client = await connect()
        await client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"onetwo", "close")
        assert "transfer-encoding" not in answer.headers
        assert await client.ended()


@pytest.mark.parametrize("asks", [False, True])
async def test_an_old_client_keeps_its_connection_where_it_asks(asks: bool) -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(b"GET / HTTP/1.0\r\n" + b"connection: keep-alive\r\n" * asks + b"\r\n")
        answer = await client.answer()
        assert answer.said["http_version"] == "1.0"
        assert answer.headers["connection"] == ("keep-alive" if asks else "close")
        if asks:
            await client.send(GET)
            assert (await client.answer()).status == 200
        else:
            assert await client.ended()


async def test_a_body_is_asked_for_when_somebody_reads_it() -> None:
    read = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read.wait()
        await mirror(scope, receive, send)

    async with serving(app) as connect:
        client = await connect()
        await client.send(EXPECTING)
        asked = asyncio.create_task(client.answer())
        done, _ = await asyncio.wait({asked}, timeout=0.1)
        assert not done
        read.set()
        assert (await asked).status == 100
        await client.send(b"hello")
        assert (await client.answer()).said["body"] == "hello"
        await client.send(GET)
        assert (await client.answer()).status == 200


async def test_a_body_that_is_not_wanted_is_not_asked_for() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await reply(send, b"no", 403)

    async with serving(app) as connect:
        client = await connect()
        await client.send(EXPECTING)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (403, "close")


@pytest.mark.parametrize(
    "request_",
    [
        EXPECTING + b"hello",
        EXPECTING.replace(b"5", b"0"),
        EXPECTING.replace(b"content-length: 5\r\n", b""),
        EXPECTING.replace(b"1.1", b"1.0") + b"hello",
    ],
    ids=["on its way", "empty", "none", "an old client"],
)
async def test_a_body_that_need_not_be_asked_for(request_: bytes) -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(request_)
        assert (await client.answer()).status == 200


async def test_another_expectation_is_not_met() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(EXPECTING.replace(b"100-continue", b"a miracle"))
        answer = await client.answer()
        assert (answer.status, answer.error["code"]) == (417, "expectation_failed")
        assert await client.ended()


async def test_an_upgrade_is_not_taken_up() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        for protocol in (b"websocket", b"h2c"):
            await client.send(GET[:-2] + b"connection: Upgrade\r\nupgrade: %b\r\n\r\n" % protocol)
            assert (await client.answer()).status == 200


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x", b"a\nb", b"a\rb"])
async def test_no_header_of_an_answer_makes_two(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await reply(send, b"x", 200, (b"x-said", value))

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert await client.ended()
    assert "line break" in caplog.text


@pytest.mark.parametrize("length", [b"1", b"3"])
async def test_an_answer_of_another_length_than_announced_is_cut(
    length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"xx"})

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert await client.ended()
    assert "another length" in caplog.text


async def test_after_the_answer_the_client_counts_as_gone() -> None:
    after: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await reply(send, b"x")
        after.append((await receive())["type"])

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert (await client.answer()).status == 200
        await client.send(GET)
        assert (await client.answer()).status == 200
    assert after[0] == "http.disconnect"


def stop_reading(client: Client) -> None:
    """From now on nothing is read off the socket; what fits into the buffers of the kernel still comes."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]


async def test_a_slow_reader_holds_up_the_writer_and_loses_nothing() -> None:
    written = 0

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal written
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(20_000):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            written += 1000
        await send({"type": "http.response.body", "body": b""})

    async with serving(app) as connect:
        client = await connect()
        stop_reading(client)
        await client.send(GET)
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.1)
        on_the_other_end = 512 << 10  # and more than its kernel takes of what nobody reads
        assert written < (256 << 10) + on_the_other_end
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await client.answer()).body) == 20_000_000


async def test_a_reader_that_stalls_is_cut_and_its_answer_ended() -> None:
    gone: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        watching = asyncio.create_task(_until_gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not watching.done():
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            await asyncio.sleep(0)
        gone.append(watching.result())

    async def _until_gone(receive: Receive) -> str:
        message = await receive()
        kind: str = message["type"]
        return kind

    async with serving(app, replace(SOON, stalled_seconds=0.2)) as connect:
        client = await connect()
        stop_reading(client)
        await client.send(GET)
        while not gone:
            await asyncio.sleep(0.02)
    assert gone == ["http.disconnect"]


async def test_a_large_answer_is_written_piece_by_piece() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await reply(send, bytes(range(256)) * 40_000)

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert (await client.answer()).body == bytes(range(256)) * 40_000


async def test_an_answer_by_one_call_goes_out_in_one_piece_or_not_at_all() -> None:
    lines = header_lines([(b"x-said", b"yes")])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        line: Line = scope[LINE]
        body = line.whole_body()
        assert body is not None
        assert not line.answer(200, lines, b"x" * 100_000), "that may have to wait"
        line.add(header_lines([(b"x-added", b"too")]))
        assert line.answer(201, lines, body)
        assert (await receive())["type"] == "http.disconnect"

    async with serving(app) as connect:
        client = await connect()
        for _ in range(2):
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello")
            answer = await client.answer()
            assert (answer.status, answer.body, answer.headers["x-said"]) == (201, b"hello", "yes")
            assert answer.headers["x-added"] == "too"


async def test_a_body_is_whole_once_its_last_byte_has_come() -> None:
    halfway = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        line: Line = scope[LINE]
        assert line.whole_body() is None
        halfway.set()
        await reply(send, await read_body(receive))
        assert line.whole_body() is None, "it was received already"

    async with serving(app) as connect:
        client = await connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe")
        await halfway.wait()
        await client.send(b"llo")
        assert (await client.answer()).body == b"hello"


async def test_calls_and_messages_may_be_mixed() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        line: Line = scope[LINE]
        assert not line.write(b"before the head")
        line.begin(200, b"")
        assert line.write(b"one")
        await send({"type": "http.response.body", "body": b"two", "more_body": True})
        assert line.end(b"three")

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert (await client.answer()).chunks == [b"one", b"two", b"three"]


async def test_what_one_request_sets_for_itself_the_next_one_does_not_see() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        before = variable.get()
        variable.set("set")
        await reply(send, before.encode())

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET * 3)
        assert [(await client.answer()).body for _ in range(3)] == [b"unset"] * 3
