"""The whole way of a stream: from an engine's bytes, wherever they are cut, to the bytes that a client gets."""

import asyncio
import json
import re
from collections.abc import MutableMapping
from contextlib import closing
from typing import Any

import entries
import msgspec
import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st
from played_line import PlayedLine
from scripted_engine import HEAD, answering, chunked, engine, relay

from penstock.api.chat_events import ChatEvents
from penstock.api.exchange import Exchange
from penstock.api.stream import EventStream
from penstock.inference.completion import Completion, chat_readers
from penstock.inference.form import Shaped
from penstock.protocol.chat import ChatRequest
from penstock.protocol.chat_chunk import ChatCompletionChunk
from penstock.tenants.usage import UsageRecord
from penstock.web.asgi import LINE

_CALL_ID = re.compile(rb'"id":"call_\w+"')
DONE = b"data: [DONE]\n\n"


async def client_bytes(
    parts: list[bytes], *, written: bool = False, recorded: list[int] | None = None, **fields: Any
) -> bytes:
    """What the client gets where the engine sends `parts`, less what is new in every stream: ids and the time.

    `recorded` gets, for each message to the client, how many rows the ledger had.
    """
    messages = [{"role": "user", "content": "Hi"}]
    request = msgspec.convert({"model": "m", "messages": messages, "stream": True, **fields}, ChatRequest)
    sent: list[bytes] = []
    rows: list[UsageRecord] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("body", b""))
        if recorded is not None:
            recorded.append(len(rows))

    async def receive() -> MutableMapping[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    exchange = Exchange({"method": "POST", "path": "/", "headers": [], LINE: PlayedLine()}, receive, send)
    wire = [HEAD, *[chunked(part) for part in parts if part], b"0\r\n\r\n"]
    async with engine(answering(*wire)) as endpoint, relay() as talks:
        with closing(await talks.chat(request, endpoint)) as stream:
            entry = entries.entry(rows)
            entry.counts = stream.counts
            shaped = Shaped(request, calls="written" if written else "none")
            completion = Completion("chatcmpl-1", request, stream, entry, readers=chat_readers(shaped))
            completion.id, completion.created = "chatcmpl-0", 0
            with EventStream(exchange, ping_seconds=60) as events:
                await events.send(completion, ChatEvents(completion, include_usage=request.include_usage))
    return _CALL_ID.sub(b'"id":"call_"', b"".join(sent))


def event(*choices: dict[str, Any], newline: str = "\n", **fields: Any) -> bytes:
    """One event as engines write it."""
    return b"data: %b%b" % (msgspec.json.encode({"choices": list(choices), **fields}), (newline * 2).encode())


def likely(text: str) -> dict[str, Any]:
    return {"content": [{"token": text, "logprob": -1.0, "bytes": [*text.encode()], "top_logprobs": []}]}


texts = st.text('ab€🎉<{\n"\\', min_size=1, max_size=4)
deltas = st.fixed_dictionaries({"content": texts}) | st.fixed_dictionaries({"reasoning_content": texts})
written_call = '<tool_call>{"name": "f", "arguments": {"a": "}€"}}</tool_call>'


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """The bytes of an engine's answer of two choices: with comments, either kind of line end, and counts."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    wire = b""
    for index, delta in draw(st.lists(st.tuples(st.integers(0, 1), deltas), max_size=8)):
        if draw(st.booleans()):
            wire += f": still here{newline * 2}".encode()
        logprobs = likely(delta["content"]) if "content" in delta else None
        usage = {"prompt_tokens": 3, "completion_tokens": draw(st.integers(0, 9))}
        wire += event({"index": index, "delta": delta, "logprobs": logprobs}, newline=newline, usage=usage)
    for index in range(2):
        wire += event({"index": index, "delta": {}, "finish_reason": "stop"}, newline=newline)
    return wire + b"data: [DONE]" + newline.encode() * 2


@pytest.mark.parametrize(
    "fields",
    [{"stream_options": {"include_usage": True}}, {"stop": ["ab", "€"]}, {"logprobs": True, "stop": ["b{"]}],
    ids=["plain", "stop strings", "stop strings and probabilities"],
)
@given(wire=streams(), at=places)
async def test_any_cut_of_the_engines_bytes_gives_the_client_the_same_bytes(
    fields: dict[str, Any], wire: bytes, at: list[int]
) -> None:
    whole = await client_bytes([wire], n=2, **fields)
    assert whole.endswith(DONE)
    assert await client_bytes(cut(wire, at), n=2, **fields) == whole


@given(places, places)
async def test_any_cut_gives_the_client_the_same_calls(tokens: list[int], at: list[int]) -> None:
    """Of the text into tokens, and of the tokens' events into what comes off the wire."""
    pieces = cut(f"{written_call}\n{written_call}", tokens)
    wire = b"".join(event({"delta": {"content": piece}}) for piece in pieces)
    wire += event({"delta": {}, "finish_reason": "stop"}) + DONE
    whole = await client_bytes([wire], written=True)
    assert await client_bytes(cut(wire, at), written=True) == whole
    arguments = {0: "", 1: ""}
    for delta in deltas_of(whole):
        assert not delta.get("content")
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] += call["function"]["arguments"]
    assert list(arguments.values()) == ['{"a": "}€"}'] * 2
    assert b'"finish_reason":"tool_calls"' in whole


def chunks(body: bytes) -> list[dict[str, Any]]:
    *events, done, nothing = body.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    for data in events:
        msgspec.json.decode(data.removeprefix(b"data: "), type=ChatCompletionChunk)  # what the API's document tells
    return [json.loads(data.removeprefix(b"data: ")) for data in events]


def deltas_of(body: bytes) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in chunks(body) for choice in chunk["choices"]]


ROLE = {"role": "assistant", "content": ""}
CALL = {"index": 0, "id": "theirs", "function": {"name": "f", "arguments": ""}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([{"role": "assistant", "content": None}], []),
        ([{"content": "a"}, {"content": "b"}], [{"content": "a"}, {"content": "b"}]),
        (
            [{"reasoning_content": "hm"}, {"content": "a"}],
            [{"reasoning_content": "hm", "reasoning": "hm"}, {"content": "a"}],
        ),
        ([{"reasoning": "hm", "content": "a"}], [{"reasoning_content": "hm", "reasoning": "hm"}, {"content": "a"}]),
        (
            [{"tool_calls": [CALL]}, {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}],
            [
                {"tool_calls": [{**CALL, "type": "function"}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
            ],
        ),
        (
            [{"tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{"}}]}],
            [
                {"tool_calls": [{**CALL, "type": "function"}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
            ],
        ),
    ],
    ids=["nothing", "a role alone", "text", "reasoning", "both in one", "a call", "a call at once"],
)
async def test_deltas(given: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    wire = b"".join(event({"delta": delta}) for delta in given) + event({"finish_reason": "stop"}) + DONE
    body = await client_bytes([wire])
    assert deltas_of(body) == [ROLE, *expected, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks(body)] == [None] * (len(expected) + 1) + ["stop"]


async def test_the_row_is_there_before_the_end_is_sent() -> None:
    parts = [event({"index": 0, "delta": {"content": "a"}}), event({"index": 0, "finish_reason": "stop"}), DONE]
    recorded: list[int] = []
    data = await client_bytes(parts, recorded=recorded)
    assert data.endswith(DONE)
    *before, end = recorded
    assert (set(before), end) == ({0}, 1)


async def test_every_choice_begins_with_its_role_and_ends_by_itself() -> None:
    wire = event({"index": 1, "delta": {"content": "x"}}, {"index": 0, "finish_reason": "length"})
    wire += event({"index": 1, "finish_reason": "stop"}) + DONE
    choices = [chunk["choices"][0] for chunk in chunks(await client_bytes([wire], n=2))]
    seen = [(choice["index"], choice["delta"], choice["finish_reason"]) for choice in choices]
    assert seen == [(1, ROLE, None), (1, {"content": "x"}, None), (0, ROLE, None), (0, {}, "length"), (1, {}, "stop")]


async def test_probabilities_of_text_that_is_held_back_come_with_it() -> None:
    tokens = [event({"delta": {"content": text}, "logprobs": likely(text)}) for text in ("a", "E", "N", "d")]
    body = await client_bytes([*tokens, event({"finish_reason": "stop"}), DONE], logprobs=True, stop=["END"])
    given = [
        (choice["delta"].get("content"), [token["token"] for token in (choice["logprobs"] or {}).get("content", [])])
        for chunk in chunks(body)
        for choice in chunk["choices"]
    ]
    assert given == [("", []), ("a", ["a"]), ("ENd", ["E", "N", "d"]), (None, [])]


async def test_usage_comes_last_and_only_where_it_is_asked_for() -> None:
    wire = event({"delta": {"content": "x"}}, usage={"prompt_tokens": 3, "completion_tokens": 1})
    wire += event({"finish_reason": "stop"}) + DONE
    *others, last = chunks(await client_bytes([wire], stream_options={"include_usage": True}))
    assert (last["choices"], last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == ([], 3, 1)
    assert all(chunk["usage"] is None for chunk in others)
    assert not any("usage" in chunk for chunk in chunks(await client_bytes([wire])))
