"""Chunks as engines send them: llama.cpp's form, vLLM's and the echo engine's, and what is none."""

import json
from typing import Any

import msgspec
import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.engines.chunk import Choice, ChunkReader, decode_chunk, joined
from penstock.engines.engine import CallPiece, Counts, Piece
from penstock.protocol.answer import TokenLogprob, TopLogprob


def piece(choice: dict[str, Any]) -> Piece:
    (read,) = decode_chunk(msgspec.json.encode({"choices": [choice]})).choices
    return read.piece()


def call(**fields: Any) -> dict[str, Any]:
    return {"delta": {"tool_calls": [fields]}}


LIKELY = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, Piece()),
        ({"index": 2, "delta": {"role": "assistant", "content": None}}, Piece(2)),
        ({"delta": {"content": "Hi"}, "finish_reason": None}, Piece(content="Hi")),
        ({"index": 1, "text": "Hi", "finish_reason": "stop"}, Piece(1, "Hi", finish_reason="stop")),
        ({"delta": {"reasoning_content": "hm"}}, Piece(reasoning="hm")),
        ({"delta": {"reasoning": "hm"}}, Piece(reasoning="hm")),
        ({"delta": {"reasoning_content": "hm", "reasoning": "hm"}}, Piece(reasoning="hm")),
        ({"finish_reason": "length"}, Piece(finish_reason="length")),
        ({"finish_reason": "tool_calls"}, Piece(finish_reason="tool_calls")),
        ({"finish_reason": "something new"}, Piece(finish_reason="stop")),
        ({"finish_reason": "stop", "stop_reason": "END"}, Piece(finish_reason="stop", stop_reason="END")),
        ({"finish_reason": "stop", "stop_reason": 128009}, Piece(finish_reason="stop")),
        (call(index=1, id="c", type="function", function={"name": "f"}), Piece(calls=[CallPiece(1, "c", "f")])),
        (call(index=1, function={"arguments": "{"}), Piece(calls=[CallPiece(1, arguments="{")])),
        (call(), Piece(calls=[CallPiece(0)])),
        ({"delta": {"tool_calls": []}}, Piece()),
        ({"logprobs": None}, Piece()),
        (
            {"logprobs": {"content": [{**LIKELY, "id": 9, "top_logprobs": [LIKELY]}]}},
            Piece(logprobs=[TokenLogprob("Hi", -0.5, [72, 105], [TopLogprob("Hi", -0.5, [72, 105])])]),
        ),
    ],
    ids=repr,
)
def test_what_a_choice_says(choice: dict[str, Any], expected: Piece) -> None:
    assert piece(choice) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"choices":{}}',
        b'{"choices":[{"index":"0"}]}',
        b'{"choices":[{"delta":{"content":5}}]}',
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]}',
        b'{"choices":[{"finish_reason":1}]}',
        b'{"timings":{"predicted_n":-1}}',
        b'{"usage":{"prompt_tokens":1.5}}',
    ],
)
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode_chunk(data)


def counted(*chunks: bytes) -> Counts:
    counts = Counts()
    for chunk in chunks:
        decode_chunk(chunk).count(counts)
    return counts


LLAMA_CPP = b'{"choices":[{"index":%d,"delta":{}}],"timings":{"cache_n":4,"prompt_n":5,"predicted_n":%d}}'
VLLM = b'{"choices":[{"index":%d}],"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":0}}'


@pytest.mark.parametrize("form", [LLAMA_CPP, VLLM], ids=["llama.cpp", "vLLM"])
def test_tokens_are_counted_for_each_choice_by_itself(form: bytes) -> None:
    counts = counted(form % (0, 1), form % (1, 1), form % (0, 2), form % (0, 3))
    assert (counts.prompt, counts.completion) == ({0: 9}, {0: 3, 1: 1})
    usage = counts.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (9, 4, 13)


def test_prompts_of_one_request_are_counted_each_by_itself() -> None:
    counts = Counts(choices_per_prompt=2)
    for choice in range(4):
        decode_chunk(LLAMA_CPP % (choice, choice)).count(counts)
    decode_chunk(b'{"choices":[{"index":3}],"prompt_progress":{"total":20,"cache":7}}').count(counts)
    assert (counts.prompt, counts.cached) == ({0: 9, 1: 20}, {0: 4, 1: 7})
    assert counts.usage().prompt_tokens == 29


def test_cached_and_reasoning_tokens() -> None:
    details = b'"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}'
    usage = counted(b'{"usage":{"prompt_tokens":5,%b}}' % details).usage()
    assert (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens) == (3, 2)
    silent = counted(b'{"usage":{"prompt_tokens_details":{"cached_tokens":null},"completion_tokens_details":null}}')
    assert silent.usage().prompt_tokens_details.cached_tokens == 0


def test_an_error_inside_a_stream_is_kept_as_it_came() -> None:
    assert decode_chunk(b'{"error":{"message":"boom","code":500}}').error is not None
    assert decode_chunk(b'{"choices":[]}').error is None


def event_of(text: str, newline: str) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]}, ensure_ascii=False)}{newline}{newline}"


texts = st.lists(st.text() | st.sampled_from(["\n\ndata: ", ",", "[DONE]", "},{"]), max_size=6)


@given(texts, places, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from(["", "junk", "more"]))
def test_any_cut_gives_the_same_chunks(
    said: list[str], at: list[int], newline: str, comments: bool, behind: str
) -> None:
    comment = f": ping{newline}{newline}" if comments else ""
    events = [comment + event_of(text, newline) for text in said]
    end = {"": "", "junk": f"data: junk{newline}{newline}", "more": event_of("more", newline)}[behind]
    wire = "".join([*events, f"data: [DONE]{newline}{newline}", end]).encode("utf-8", "replace")
    reader, came = ChunkReader(), []
    for part in cut(wire, at):
        came += reader.feed(part)
        if reader.done:
            break
    assert [chunk.choices[0].delta.content for chunk in came] == [
        text.encode("utf-8", "replace").decode() for text in said
    ]
    assert reader.done


@pytest.mark.parametrize("event", [b"data: junk\n\n", b"data: {}\ndata: {}\n\n", b"data: [DONE]x\n\n"])
def test_an_event_that_is_no_chunk_is_seen_among_others(event: bytes) -> None:
    good = b'data: {"choices":[]}\n\n'
    for wire in (event, good + event, event + good, good + event + good + b"data: [DONE]\n\n"):
        with pytest.raises(msgspec.MsgspecError):
            ChunkReader().feed(wire)


said = st.fixed_dictionaries(
    {"index": st.integers(0, 2)},
    optional={
        "delta": st.fixed_dictionaries({}, optional={"content": st.text(), "reasoning": st.text(min_size=1)}),
        "text": st.text(),
        "finish_reason": st.just("stop"),
        "logprobs": st.just({"content": []}),
    },
)


@given(st.lists(said))
def test_texts_that_follow_each_other_are_joined_and_nothing_else(choices: list[dict[str, Any]]) -> None:
    given = msgspec.convert(choices, list[Choice])
    apart, together = [choice.piece() for choice in given], joined(given)
    assert len(together) <= len(apart)
    for index in range(3):
        assert _runs(apart, index) == _runs(together, index)


def _runs(pieces: list[Piece], index: int) -> list[Piece | str]:
    """What one choice is given: all that is no text as it is, and the text before, between and behind."""
    runs: list[Piece | str] = [""]
    for piece in pieces:
        if piece.index == index and piece == Piece(index, piece.content):
            assert isinstance(runs[-1], str)
            runs[-1] += piece.content
        elif piece.index == index:
            runs += [piece, ""]
    return runs
