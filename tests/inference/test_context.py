"""Whether a request fits its model: decided without the engine where it is plain, by the engine's count elsewhere."""

from typing import Any

import msgspec
import pytest
from scripted_engine import Connection, answering, engine, relay

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.errors import ContextLengthExceeded, InvalidRequest
from penstock.inference import context
from penstock.protocol.chat import ChatRequest

TOOL = {"type": "function", "function": {"name": "f", "description": "d" * 600}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "9" * 600}}


def request(content: str = "Hi", **fields: Any) -> ChatRequest:
    return msgspec.convert({"model": "m", "messages": [{"role": "user", "content": content}], **fields}, ChatRequest)


def counting(tokens: int) -> Connection:
    body = b'{"input_tokens":%d}' % tokens
    return answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def check(asked: ChatRequest, *, counts: int | None, context_length: int = 1000, max_output: int = 1000) -> bool:
    """Check the request on an engine that counts so many tokens; whether it was asked to. Raises what the check does.

    With None it breaks off when it is asked.
    """
    was_asked = False
    count = counting(counts) if counts is not None else answering(b"")

    async def connection(reader: Any, writer: Any) -> None:
        nonlocal was_asked
        was_asked = True
        await count(reader, writer)

    async with engine(connection, context_length=context_length, max_output=max_output) as endpoint, relay() as talks:
        await context.check(asked, endpoint, talks)
    return was_asked


@pytest.mark.parametrize(
    ("asked", "is_asked"),
    [
        (request(), False),
        (request("w" * 700), False),
        (request("w" * 800), True),
        (request("é" * 350), False),
        (request("é" * 400), True),
        (request(max_tokens=700), False),
        (request(max_completion_tokens=730), True),
        (request(tools=[TOOL]), True),
        (request(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CALL]}]), True),
        (request(messages=[{"role": "assistant", "content": "x", "reasoning": "r" * 800}]), True),
        (request(messages=[{"role": "user", "content": "x"}] * 50), True),
    ],
)
async def test_the_engine_counts_only_where_it_is_not_plain(asked: ChatRequest, is_asked: bool) -> None:
    assert await check(asked, counts=10) is is_asked


async def test_prompt_and_answer_may_fill_the_context_to_the_last_token() -> None:
    assert await check(request("w" * 900, max_tokens=100), counts=900)
    with pytest.raises(ContextLengthExceeded, match=r"1000 tokens.*prompt has 901 and 100 tokens of answer") as refused:
        await check(request("w" * 900, max_tokens=100), counts=901)
    assert (refused.value.status, refused.value.code, refused.value.param) == (
        400,
        "context_length_exceeded",
        "messages",
    )


async def test_without_a_bound_there_is_room_for_one_token_at_least() -> None:
    assert await check(request("w" * 900), counts=999)
    with pytest.raises(ContextLengthExceeded, match=r"the prompt has 1000\."):
        await check(request("w" * 900), counts=1000)


@pytest.mark.parametrize(
    "asked", [request("w" * 100_000), request(messages=[{"role": "user", "content": ""}] * 1001)], ids=["long", "many"]
)
async def test_what_is_too_long_beyond_doubt_is_never_counted(asked: ChatRequest) -> None:
    with pytest.raises(ContextLengthExceeded, match="at least"):
        await check(asked, counts=None)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_more_output_than_the_model_gives_is_refused_by_the_name_that_was_used(name: str) -> None:
    with pytest.raises(InvalidRequest, match="51; this model gives 50") as refused:
        await check(msgspec.structs.replace(request(), **{name: 51}), counts=None, max_output=50)
    assert (refused.value.code, refused.value.param) == ("invalid_value", name)


@pytest.mark.parametrize(
    ("max_output", "fields", "limit"),
    [(50, {}, 50), (50, {"max_tokens": 7}, 7), (50, {"max_completion_tokens": 7}, 7), (1000, {}, None)],
)
def test_the_models_own_bound_holds_where_the_request_names_none(
    max_output: int, fields: dict[str, Any], limit: int | None
) -> None:
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=1000), 4, 1000, max_output)
    assert context.bounded(request(**fields), endpoint).output_limit == limit
