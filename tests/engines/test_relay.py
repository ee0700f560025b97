"""The relay against engines that behave and engines that do not; raw sockets where the point is what is on the wire."""

import asyncio
from contextlib import closing

import pytest
from cuts import cut, places
from hypothesis import given
from scripted_engine import END, HEAD, TOKEN, Connection, answering, chunked, engine, read_request, relay

from penstock.engines.chunk import decode_chunk
from penstock.engines.engine import Counts, Endpoint
from penstock.engines.relay import Relay
from penstock.errors import ContextLengthExceeded, EngineError, ModelLoading
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import UserMessage

REQUEST = ChatRequest(model="m", messages=[UserMessage(content="hi")])


async def read_all(talks: Relay, endpoint: Endpoint) -> tuple[str, Counts]:
    with closing(await talks.chat(REQUEST, endpoint)) as stream:
        text = ""
        while (pieces := await stream.read()) is not None:
            text += "".join(piece.content for piece in pieces)
        return text, stream.counts


async def test_a_whole_answer_and_its_counts() -> None:
    async with engine(answering(HEAD, chunked(TOKEN + END), b"0\r\n\r\n")) as endpoint, relay() as talks:
        text, counts = await read_all(talks, endpoint)
    assert text == "hi"
    assert (counts.usage().prompt_tokens, counts.usage().completion_tokens) == (3, 1)


@given(places)
async def test_any_split_of_the_engines_bytes_gives_the_same_answer(at: list[int]) -> None:
    wire = TOKEN + TOKEN.replace(b"hi", "…🎉".encode()) + END
    parts = [chunked(part) for part in cut(wire, at) if part]
    async with engine(answering(HEAD, *parts, b"0\r\n\r\n")) as endpoint, relay() as talks:
        assert (await read_all(talks, endpoint))[0] == "hi…🎉"


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
        [b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops"],
        [b"not http at all\r\n\r\n"],
        [b""],
    ],
    ids=[
        *("cut", "clean-end", "bad-utf8", "no-json", "wrong-shape", "error-event", "bad-framing"),
        *("status-500", "no-http", "no-answer"),
    ],
)
async def test_every_way_to_break_off_is_an_engine_error(parts: list[bytes]) -> None:
    async with engine(answering(*parts)) as endpoint, relay() as talks:
        with pytest.raises(EngineError) as caught:
            await read_all(talks, endpoint)
    assert caught.value.status == 502
    assert "boom" not in caught.value.message


async def test_an_error_that_the_engine_reports_is_told_as_one() -> None:
    wire = chunked(TOKEN + b'data: {"error":{"message":"boom"}}\n\n')
    async with engine(answering(HEAD, wire)) as endpoint, relay() as talks:
        with pytest.raises(EngineError, match="reported an error"):
            await read_all(talks, endpoint)


async def test_an_event_without_end_is_an_engine_error_and_not_a_memory_leak() -> None:
    endless = chunked(b"x" * 65536)
    async with engine(answering(HEAD, chunked(b"data: "), *[endless] * 40)) as endpoint, relay() as talks:
        with pytest.raises(EngineError):
            await read_all(talks, endpoint)


async def test_a_prompt_over_the_context_keeps_the_engines_numbers() -> None:
    body = b'{"error":{"code":400,"type":"exceed_context_size_error","n_prompt_tokens":70,"n_ctx":64}}'
    head = b"HTTP/1.1 400 Bad\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with engine(answering(head + body)) as endpoint, relay() as talks:
        with pytest.raises(ContextLengthExceeded, match=r"maximum context length is 64 tokens.*too long: it has 70"):
            await read_all(talks, endpoint)


async def test_an_engine_that_still_loads_is_no_error_of_its_own() -> None:
    async with engine(answering(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")) as endpoint, relay() as talks:
        with pytest.raises(ModelLoading):
            await read_all(talks, endpoint)


async def test_a_pooled_connection_that_died_is_tried_once_more_on_a_fresh_one() -> None:
    """llama.cpp closes a kept-alive connection after a stream without saying so."""
    connections = 0

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        body = b'{"input_tokens":3}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        await read_request(reader)  # the second request on this connection is read, and never answered
        writer.close()

    async with engine(connection) as endpoint, relay() as talks:
        assert await talks.count_prompt(REQUEST, endpoint) == 3
        assert await talks.count_prompt(REQUEST, endpoint) == 3
    assert connections == 2


async def test_a_fresh_connection_that_dies_is_not_tried_again() -> None:
    """The request may be what killed the engine; sending it once more would kill the next one."""
    connections = 0

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.close()

    async with engine(connection) as endpoint, relay() as talks:
        with pytest.raises(EngineError):
            await read_all(talks, endpoint)
    assert connections == 1


async def test_an_engine_that_is_gone_was_not_asked_and_is_being_started_anew() -> None:
    """No fault of the request: a line of a batch that finds nobody there must not look like one that kills engines."""
    async with engine(answering(b"")) as endpoint:
        gone = endpoint
    async with relay() as talks:
        with pytest.raises(ModelLoading, match="started anew"):
            await talks.chat(REQUEST, gone)
        assert gone.pulse.waiting == 0


async def test_leaving_the_block_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + chunked(TOKEN))
        await reader.read()
        closed.set()
        writer.close()

    async with engine(connection) as endpoint, relay() as talks:
        with closing(await talks.chat(REQUEST, endpoint)) as stream:
            assert await stream.read()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    silent = answering(HEAD, chunked(TOKEN), then_close=False)
    async with engine(silent) as endpoint, relay(stall_seconds=0.2) as talks:
        with pytest.raises(EngineError, match="gave nothing for"):
            await read_all(talks, endpoint)


async def test_nothing_of_the_client_but_typed_fields_reaches_the_engine() -> None:
    seen = b""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await read_request(reader)
        writer.write(HEAD + chunked(TOKEN + END) + b"0\r\n\r\n")
        writer.close()

    async with engine(connection) as endpoint, relay() as talks:
        await read_all(talks, endpoint)
    head, _, body = seen.partition(b"\r\n\r\n")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert names <= {
        b"host", b"authorization", b"content-type", b"content-length", b"accept", b"accept-encoding", b"user-agent"
    }  # fmt: skip
    assert b'"stream":true' in body


async def test_choices_that_nobody_asked_for_are_neither_shown_nor_counted() -> None:
    strange = b'data: {"choices":[{"index":7,"delta":{"content":"x"}}],"usage":{"completion_tokens":99}}\n\n'
    wire = HEAD + chunked(strange + strange.replace(b"7", b"-1", 1) + TOKEN + END) + b"0\r\n\r\n"
    async with engine(answering(wire)) as endpoint, relay() as talks:
        text, counts = await read_all(talks, endpoint)
    assert (text, counts.completion) == ("hi", {0: 1})


async def test_a_negative_count_is_an_engine_error() -> None:
    wire = HEAD + chunked(TOKEN.replace(b'"completion_tokens":1', b'"completion_tokens":-1') + END)
    async with engine(answering(wire)) as endpoint, relay() as talks:
        with pytest.raises(EngineError):
            await read_all(talks, endpoint)


async def test_counting_prompts_never_makes_an_engine_look_dead() -> None:
    """Whoever counts waits for no token: a tenant must not get an engine killed by having long prompts counted."""
    counting = asyncio.Event()
    go_on = asyncio.Event()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        counting.set()
        await go_on.wait()
        body = b'{"input_tokens":3}'
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with engine(connection) as endpoint, relay() as talks:
        tasks = [asyncio.create_task(talks.count_prompt(REQUEST, endpoint)) for _ in range(3)]
        await counting.wait()
        assert endpoint.pulse.waiting == 0
        assert endpoint.counting.locked(), "one prompt at a time"
        go_on.set()
        assert await asyncio.gather(*tasks) == [3, 3, 3]


async def test_an_engine_cannot_send_us_elsewhere() -> None:
    away = b"HTTP/1.1 307 Away\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with engine(answering(away)) as endpoint, relay() as talks:
        with pytest.raises(EngineError, match="307"):
            await read_all(talks, endpoint)


def test_counts_only_grow_and_a_repeated_chunk_adds_nothing() -> None:
    counts = Counts()
    chunk = b'{"choices":[{"index":1,"delta":{"content":"a"}}],"timings":{"cache_n":4,"prompt_n":5,"predicted_n":7}}'
    for _ in range(2):
        decode_chunk(chunk).count(counts)
    decode_chunk(chunk.replace(b'"predicted_n":7', b'"predicted_n":6')).count(counts)
    usage = counts.usage()
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens) == (9, 4, 7)


def test_progress_of_a_prompt_counts_it_before_the_first_token() -> None:
    counts = Counts()
    decode_chunk(b'{"choices":[],"prompt_progress":{"total":900,"cache":10,"processed":512}}').count(counts)
    assert (counts.prompt, counts.cached, counts.completion) == ({0: 900}, {0: 10}, {})


def embedded(body: bytes) -> Connection:
    return answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def test_vectors_come_in_the_order_of_the_inputs() -> None:
    data = b'[{"index":1,"embedding":"AAAAPw=="},{"index":0,"embedding":"AACAvw=="}]'
    async with engine(embedded(b'{"data":%b,"usage":{"prompt_tokens":5}}' % data)) as endpoint, relay() as talks:
        assert await talks.embed(["a", [1]], endpoint) == ([b"\0\0\x80\xbf", b"\0\0\0\x3f"], 5)
        assert endpoint.pulse.waiting == 0


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'[{"index":1,"embedding":"AAAAPw=="}]',
        b'[{"index":0,"embedding":"AAAAPw=="},{"index":1,"embedding":"AAAAPw=="}]',
        b'[{"index":0,"embedding":"AAAA"}]',
        b'[{"index":0,"embedding":"no base64"}]',
        b'[{"index":0,"embedding":[0.5]}]',
        b"nonsense",
    ],
)
async def test_what_is_no_vector_for_each_input_is_an_engine_error(data: bytes) -> None:
    async with engine(embedded(b'{"data":%b,"usage":{"prompt_tokens":1}}' % data)) as endpoint, relay() as talks:
        with pytest.raises(EngineError):
            await talks.embed(["a"], endpoint)
        assert endpoint.pulse.waiting == 0


@pytest.mark.parametrize("wire", [b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhalf", b""])
async def test_an_engine_that_breaks_off_its_vectors(wire: bytes) -> None:
    async with engine(answering(wire)) as endpoint, relay() as talks:
        with pytest.raises(EngineError, match="broke off"):
            await talks.embed(["a"], endpoint)
