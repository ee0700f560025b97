"""One connection, byte by byte: requests in their order, and an end to what takes too long."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from api.transport.serving_app import SOON, Client, mirror, never, read_body, reply, serving
from cuts import cut, places
from hypothesis import given, settings

from penstock.errors import ApiError
from penstock.web.asgi import Receive, Scope, Send

GET = b"GET /a?b HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /%c3%a4 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
BAD = b"GET / HTTP/1.1\r\nhost : x\r\n\r\n"


def said(body: bytes) -> tuple[str, str, str]:
    answer: dict[str, Any] = json.loads(body)
    return answer["method"], answer["path"], answer["body"]


async def test_requests_on_one_connection() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        for request, expected in [
            (GET, ("GET", "/a", "")),
            (POST, ("POST", "/ä", "hello")),
            (CHUNKED, ("PUT", "/", "hello")),
            (b"\r\n" + GET, ("GET", "/a", "")),
        ]:
            await client.send(request)
            answer = await client.answer()
            assert (answer.status, said(answer.body)) == (200, expected)
            assert "connection" not in answer.headers
            assert answer.headers["date"].endswith("gmt")
            assert "server" not in answer.headers


@settings(max_examples=60, deadline=None)
@given(at=places)
def test_pipelined_requests_are_answered_in_order_however_they_come(at: list[int]) -> None:
    async def run() -> None:
        async with serving(mirror) as connect:
            client = await connect()
            for piece in cut(GET + POST + CHUNKED + GET + POST, at):
                await client.send(piece)
                await asyncio.sleep(0)
            answers = [said((await client.answer()).body) for _ in range(5)]
            assert [(method, body) for method, _, body in answers] == [
                ("GET", ""), ("POST", "hello"), ("PUT", "hello"), ("GET", ""), ("POST", "hello")
            ]  # fmt: skip

    asyncio.run(run())


async def test_pipelined_requests_are_run_one_at_a_time() -> None:
    running, most = 0, 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        await mirror(scope, receive, send)
        running -= 1

    async with serving(app) as connect:
        client = await connect()
        await client.send(POST * 20)
        for _ in range(20):
            assert (await client.answer()).said["body"] == "hello"
    assert most == 1


async def test_a_flood_of_pipelined_requests_is_not_taken_in_at_once() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        sending = asyncio.create_task(client.send(POST * 3_000))
        for _ in range(3_000):
            assert (await client.answer()).status == 200
        await sending


@pytest.mark.parametrize("ending", [b"connection: close\r\n", b"connection: Keep-Alive, Close\r\n"])
async def test_a_client_that_wants_to_end(ending: bytes) -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(GET.removesuffix(b"\r\n") + ending + b"\r\n" + GET)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await client.ended()


async def test_what_is_no_request_is_refused_in_our_words() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(GET + BAD + GET)
        assert (await client.answer()).status == 200
        answer = await client.answer()
        assert (answer.status, answer.error["code"]) == (400, "invalid_request")
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["openai-processing-ms"].isdigit()
        assert (answer.headers["content-type"], answer.headers["connection"]) == ("application/json", "close")
        assert await client.ended()


async def refuses(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that answers without a look at the body."""
    await reply(send, b"no", 401)


async def test_an_answer_before_the_body_ends_the_connection_and_still_arrives() -> None:
    async with serving(refuses) as connect:
        client = await connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n")
        answer = await client.answer()
        assert (answer.status, answer.body, answer.headers["connection"]) == (401, b"no", "close")
        for _ in range(50):  # who goes on sending is not reset
            await client.send(b"x" * 1_000_000)
        assert await client.ended()


async def test_a_body_that_came_with_its_head_need_not_be_read() -> None:
    async with serving(refuses) as connect:
        client = await connect()
        await client.send(POST + GET)
        assert [(await client.answer()).status for _ in range(2)] == [401, 401]


async def test_a_bad_chunk_is_told_to_whoever_reads_the_body() -> None:
    caught: list[Exception] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await read_body(receive)
        except Exception as error:  # noqa: BLE001 -- whatever comes is looked at below
            caught.append(error)
        await reply(send, b"so", 400)

    async with serving(app) as connect:
        client = await connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await client.ended()
    assert [type(error).__name__ for error in caught] == ["MalformedRequest"]


async def test_a_handler_that_takes_its_time_holds_up_the_body() -> None:
    read = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await read.wait()
        await reply(send, b"%d" % len(await read_body(receive)))

    async with serving(app) as connect:
        client = await connect()
        sending = asyncio.create_task(
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n" + b"x" * 60_000_000)
        )
        done, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not done, "60 MB fit into no buffer on the way"
        read.set()
        assert (await client.answer()).body == b"60000000"
        await sending


async def left(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Waits until its client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.parametrize("request_", [GET, POST, POST[:-1]], ids=["no body", "whole body", "half a body"])
async def test_an_application_is_told_that_its_client_has_left(request_: bytes) -> None:
    told = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await left(scope, receive, send)
        told.set()

    async with serving(app) as connect:
        client = await connect()
        await client.send(request_)
        client.writer.close()
        await told.wait()


async def test_who_closes_only_one_half_still_gets_what_is_answered() -> None:
    """Such as `nc -N`. From here it looks as if the client had left: a request that costs is broken off for it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await left(scope, receive, send)
        else:
            await asyncio.sleep(0.01)
            await mirror(scope, receive, send)

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET + GET)
        client.writer.write_eof()
        assert [(await client.answer()).status for _ in range(2)] == [200, 200]
        assert await client.ended()
        client = await connect()
        await client.send(POST)
        client.writer.write_eof()
        assert await client.ended()


@pytest.mark.parametrize("beginning", [b"", b"GET / HT"])
async def test_a_client_that_closes_before_it_asked(beginning: bytes) -> None:
    async with serving(never) as connect:
        client = await connect()
        await client.send(beginning)
        client.writer.write_eof()
        assert await client.ended()


async def test_an_answer_that_is_broken_off_is_cut() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        received = await client.reader.read()
    assert received.endswith(b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")


async def test_an_application_that_fails_is_cut_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a bug")

    async with serving(app) as connect:
        client = await connect()
        await client.send(GET)
        assert await client.ended()
    assert "a bug" in caplog.text


async def refusal_of(client: Client) -> tuple[int, str]:
    answer = await client.answer()
    assert answer.headers["connection"] == "close"
    assert await client.ended()
    return answer.status, answer.error["code"]


async def test_a_head_that_does_not_come_to_its_end() -> None:
    async with serving(mirror, replace(SOON, head_seconds=0.1)) as connect:
        client = await connect()
        await client.send(GET + GET[:-2])
        assert (await client.answer()).status == 200
        assert await refusal_of(client) == (408, "request_timeout")


async def test_a_head_that_comes_byte_by_byte_has_no_more_time() -> None:
    async with serving(mirror, replace(SOON, head_seconds=0.1)) as connect:
        client = await connect()

        async def drip() -> None:
            await client.send(b"GET / HTTP/1.1\r\n")
            while True:
                await client.send(b"x: y\r\n")
                await asyncio.sleep(0.03)

        dripping = asyncio.create_task(drip())
        assert await refusal_of(client) == (408, "request_timeout")
        dripping.cancel()


@pytest.mark.parametrize("asked", [False, True])
async def test_silence_is_ended_without_a_word(asked: bool) -> None:
    bounds = replace(SOON, idle_seconds=0.1) if asked else replace(SOON, head_seconds=0.1)
    async with serving(mirror, bounds) as connect:
        client = await connect()
        if asked:
            await client.send(GET)
            assert (await client.answer()).status == 200
        assert await client.ended()


async def test_a_body_that_drips_is_given_up() -> None:
    failed: list[tuple[int, str]] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await read_body(receive)
        except ApiError as error:
            failed.append((error.status, error.code))
            await reply(send, b"so", error.status)

    async with serving(app, replace(SOON, body_window_seconds=0.2, body_window_bytes=1000)) as connect:
        steady = await connect()
        await steady.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 12000\r\n\r\n")
        dripping = await connect()
        await dripping.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 12000\r\n\r\nx")
        answering = asyncio.create_task(dripping.answer())
        while not answering.done():
            await steady.send(b"x" * 500)
            await asyncio.sleep(0.05)
            await dripping.send(b"x")
        assert (await answering).status == 408
        assert failed == [(408, "request_timeout")]


async def go_on_sending(client: Client, *, every: float) -> None:
    while True:
        await client.send(b"x" * 1000)
        await asyncio.sleep(every)


async def test_what_comes_after_the_last_answer_does_not_take_it_back() -> None:
    async with serving(mirror) as connect:
        client = await connect()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.reader.readexactly(4)) == b"HTTP"
        for _ in range(3):  # a connection that is closed would be reset by the first, and refuse the second
            await client.send(GET)
            await asyncio.sleep(0)
        assert b"200 OK" in await client.reader.read()


async def test_what_lingers_is_ended() -> None:
    quiet = replace(SOON, linger_quiet_seconds=0.1)
    busy = replace(SOON, linger_seconds=0.2)
    for bounds in (quiet, busy):
        async with serving(refuses, bounds) as connect:
            client = await connect()
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 500000000\r\n\r\n")
            assert (await client.answer()).status == 401
            with pytest.raises(OSError):  # in the end it is a reset
                await go_on_sending(client, every=0.3 if bounds is quiet else 0.01)


async def test_one_connection_too_many_is_told_to_come_back() -> None:
    async with serving(mirror, replace(SOON, connections=2)) as connect:
        first, second = await connect(), await connect()
        await second.send(GET)
        assert (await second.answer()).status == 200
        third = await connect()
        answer = await third.answer()
        assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")
        assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("5", "true")
        assert await third.ended()
        await first.send(GET)
        assert (await first.answer()).status == 200
