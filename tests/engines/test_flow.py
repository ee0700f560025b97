"""What an engine writes, given on in the moment it comes: the same as what is read, and the same ways to break off."""

import asyncio
from contextlib import closing

import pytest
from cuts import cut, places
from hypothesis import given
from scripted_engine import END, HEAD, TOKEN, Connection, answering, chunked, engine, read_request, relay

from penstock.engines.engine import Endpoint, Piece
from penstock.engines.relay import EngineStream, Relay
from penstock.errors import EngineError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import UserMessage

REQUEST = ChatRequest(model="m", messages=[UserMessage(content="hi")])


async def text_of(stream: EngineStream, *, at_once: int) -> str:
    """The text of an answer, taken by somebody who wants a rest after so many times."""
    text, taken = "", 0

    def take(pieces: list[Piece]) -> bool:
        nonlocal text, taken
        text += "".join(piece.content for piece in pieces)
        taken += 1
        return taken % at_once != 0

    while not stream.done:
        await stream.flow(take)
        await asyncio.sleep(0)
    return text


async def flowed(talks: Relay, endpoint: Endpoint, *, at_once: int = 1000) -> str:
    with closing(await talks.chat(REQUEST, endpoint)) as stream:
        return await text_of(stream, at_once=at_once)


@given(places)
async def test_any_split_of_the_engines_bytes_gives_the_same_answer(at: list[int]) -> None:
    wire = TOKEN + TOKEN.replace(b"hi", "…🎉".encode()) + END
    parts = [chunked(part) for part in cut(wire, at) if part]
    async with engine(answering(HEAD, *parts, b"0\r\n\r\n")) as endpoint, relay() as talks:
        assert await flowed(talks, endpoint) == "hi…🎉"
        assert endpoint.pulse.waiting == 0


@given(places)
async def test_nothing_is_lost_where_whoever_takes_it_stops_now_and_then(at: list[int]) -> None:
    wire = TOKEN + TOKEN.replace(b"hi", "…🎉".encode()) + END
    parts = [chunked(part) for part in cut(wire, at) if part]
    async with engine(answering(HEAD, *parts, b"0\r\n\r\n")) as endpoint, relay() as talks:
        assert await flowed(talks, endpoint, at_once=1) == "hi…🎉"
        assert endpoint.pulse.waiting == 0


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD, chunked(TOKEN)],
        [HEAD, chunked(TOKEN), b"0\r\n\r\n"],
        [HEAD, chunked(TOKEN + b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n' + END), b"0\r\n\r\n"],
        [HEAD, chunked(b"data: nonsense\n\n")],
        [HEAD, chunked(b'data: {"choices":7}\n\n')],
        [HEAD, chunked(b'data: {"error":{"message":"boom"}}\n\n' + END), b"0\r\n\r\n"],
        [HEAD, b"this is no chunk size\r\n"],
    ],
    ids=["cut", "clean-end", "bad-utf8", "no-json", "wrong-shape", "error-event", "bad-framing"],
)
async def test_every_way_to_break_off_is_an_engine_error(parts: list[bytes]) -> None:
    async with engine(answering(*parts)) as endpoint, relay() as talks:
        with pytest.raises(EngineError):
            await flowed(talks, endpoint)
        assert endpoint.pulse.waiting == 0


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    silent = answering(HEAD, chunked(TOKEN), then_close=False)
    async with engine(silent) as endpoint, relay(stall_seconds=0.2) as talks:
        with pytest.raises(EngineError, match="gave nothing for"):
            await flowed(talks, endpoint)


async def test_an_error_of_whoever_takes_it_ends_the_flow() -> None:
    def refuse(pieces: list[Piece]) -> bool:
        raise EngineError("not this")

    async with engine(answering(HEAD, chunked(TOKEN), then_close=False)) as endpoint, relay() as talks:
        with (
            pytest.raises(EngineError, match="not this"),
            closing(await talks.chat(REQUEST, endpoint)) as stream,
        ):
            await stream.flow(refuse)


def told_to_stop(stopped: asyncio.Event) -> Connection:
    """An engine that writes one token, and notices when nobody listens any more."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + chunked(TOKEN))
        await reader.read()
        stopped.set()
        writer.close()

    return connection


async def test_who_leaves_in_the_middle_stops_the_engine() -> None:
    stopped, came = asyncio.Event(), asyncio.Event()

    def take(pieces: list[Piece]) -> bool:
        came.set()
        return True

    async with engine(told_to_stop(stopped)) as endpoint, relay() as talks:
        with closing(await talks.chat(REQUEST, endpoint)) as stream:
            flowing = asyncio.create_task(stream.flow(take))
            await came.wait()
            flowing.cancel()
            await asyncio.wait({flowing})
        assert endpoint.pulse.waiting == 0
        await asyncio.wait_for(stopped.wait(), 5)


async def rest_of(stream: EngineStream) -> None:
    while await stream.read() is not None:
        pass


def writing_on(go: asyncio.Event) -> Connection:
    """An engine whose first token comes when somebody waits for it."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD)
        await go.wait()
        writer.write(chunked(TOKEN))
        await reader.read()

    return connection


async def test_a_mistake_of_whoever_takes_it_leaves_nobody_waiting() -> None:
    """It is the loop that hears of it, and ends the engine's connection."""
    mistakes: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: mistakes.append(context["exception"]))

    def stumble(pieces: list[Piece]) -> bool:
        raise ZeroDivisionError

    go = asyncio.Event()
    async with engine(writing_on(go)) as endpoint, relay() as talks:
        with closing(await talks.chat(REQUEST, endpoint)) as stream:
            asyncio.get_running_loop().call_soon(go.set)
            await stream.flow(stumble)
            with pytest.raises(EngineError):
                await rest_of(stream)
        assert endpoint.pulse.waiting == 0
    assert [type(mistake) for mistake in mistakes] == [ZeroDivisionError]


async def test_what_comes_in_the_moment_of_leaving_is_no_mistake() -> None:
    mistakes: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: mistakes.append(context))

    def leave(pieces: list[Piece]) -> bool:
        flowing.cancel()
        return False

    go = asyncio.Event()
    async with engine(writing_on(go)) as endpoint, relay() as talks:
        with closing(await talks.chat(REQUEST, endpoint)) as stream:
            flowing = asyncio.create_task(stream.flow(leave))
            asyncio.get_running_loop().call_soon(go.set)
            await asyncio.wait({flowing})
        assert flowing.cancelled()
        assert endpoint.pulse.waiting == 0
    assert mistakes == []
