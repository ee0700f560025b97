"""Pieces of an engine sorted into blocks, and the events that two APIs make of them."""

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from penstock.api.anthropic_events import MessageEvents, message
from penstock.api.blocks import Blocks
from penstock.api.responses_events import ResponseEvents
from penstock.api.responses_render import ResponseRenderer
from penstock.engines.engine import CallPiece, Piece
from penstock.errors import EngineError
from penstock.protocol.answer import CompletionDetails, PromptDetails, TokenLogprob, Usage
from penstock.protocol.responses_request import ResponsesRequest

USAGE = Usage(5, 9, 14, PromptDetails(2), CompletionDetails(1))
ID = "req_00"

THINKING = [
    Piece(reasoning="Let me"),
    Piece(reasoning=" think."),
    Piece(content="So", logprobs=[TokenLogprob("So", -0.5, [83, 111])]),
    Piece(content=":"),
    Piece(calls=[CallPiece(0, "call_a", "f")]),
    Piece(calls=[CallPiece(0, arguments='{"x":'), CallPiece(0, arguments="1}")]),
    Piece(calls=[CallPiece(1, "call_b", "g", "{}")]),
    Piece(finish_reason="tool_calls"),
]
IN_ONE = Piece(reasoning="Let me think.", content="So:", finish_reason="stop")
CUT_OFF = [Piece(calls=[CallPiece(0, "call_a", "f", '{"x": "y')]), Piece(finish_reason="length")]


def blocks_of(pieces: list[Piece]) -> Blocks:
    blocks = Blocks()
    for piece in pieces:
        blocks.take(piece)
    return blocks


def test_each_kind_is_a_block_and_each_call_its_own() -> None:
    blocks = blocks_of(THINKING)
    assert [(block.index, block.kind, block.text) for block in blocks.all] == [
        (0, "reasoning", "Let me think."),
        (1, "text", "So:"),
        (2, "call", '{"x":1}'),
        (3, "call", "{}"),
    ]
    assert [(block.call_id, block.name) for block in blocks.all[2:]] == [("call_a", "f"), ("call_b", "g")]
    assert [token.token for token in blocks.all[1].logprobs] == ["So"]
    assert blocks.finish_reason == "tool_calls"


@pytest.mark.parametrize("pieces", [THINKING, [IN_ONE], CUT_OFF, [Piece(finish_reason="stop")]])
def test_a_block_ends_before_the_next_begins(pieces: list[Piece]) -> None:
    blocks, told = Blocks(), []
    for piece in pieces:
        told += [(change.what, change.block.index) for change in blocks.take(piece)]
    bounds = [one for one in told if one[0] != "grew"]
    assert bounds == [(what, block.index) for block in blocks.all for what in ("began", "ended")]
    for block in blocks.all:
        inside = told[told.index(("began", block.index)) + 1 : told.index(("ended", block.index))]
        assert set(inside) <= {("grew", block.index)}


def test_an_answer_that_says_nothing_is_one_empty_text() -> None:
    (block,) = blocks_of([Piece(), Piece(finish_reason="stop")]).all
    assert (block.kind, block.text) == ("text", "")


def test_parts_of_a_call_that_never_began_are_passed_over() -> None:
    (block,) = blocks_of([Piece(calls=[CallPiece(0, arguments="{}")]), Piece(finish_reason="stop")]).all
    assert block.kind == "text"


def test_only_the_last_block_can_be_incomplete() -> None:
    blocks = blocks_of([Piece(content="a"), *CUT_OFF])
    assert [blocks.is_complete(block) for block in blocks.all] == [True, False]
    whole = blocks_of(THINKING)
    assert all(map(whole.is_complete, whole.all))


def events(written: bytes) -> list[Any]:
    return [json.loads(event.split("\n")[1].removeprefix("data: ")) for event in written.decode().split("\n\n")[:-1]]


def renderer() -> ResponseRenderer:
    return ResponseRenderer(msgspec.convert({"model": "m", "input": "q"}, ResponsesRequest), request_id=ID)


def response_events(pieces: list[Piece]) -> list[Any]:
    writer = ResponseEvents(renderer())
    return events(b"".join(writer.write([piece]) for piece in pieces) + writer.end(USAGE))


def test_a_response_tells_reasoning_text_and_calls_in_turn() -> None:
    told = response_events(THINKING)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        *("output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == told[-1]["response"]["output"]
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call", "function_call"]
    assert done[0]["summary"] == []
    assert done[0]["content"] == [{"type": "reasoning_text", "text": "Let me think."}]
    assert done[2] == {
        "type": "function_call",
        "id": done[2]["id"],
        "status": "completed",
        "call_id": "call_a",
        "name": "f",
        "arguments": '{"x":1}',
    }
    assert told[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 1}
    assert told[-1]["response"]["usage"]["input_tokens_details"]["cached_tokens"] == 2


def test_parts_begin_empty_also_where_an_engine_sends_much_at_once() -> None:
    told = response_events([IN_ONE])
    begun = [event["part"]["text"] for event in told if event["type"] == "response.content_part.added"]
    assert begun == ["", ""]
    assert [event["delta"] for event in told if event["type"].endswith(".delta")] == ["Let me think.", "So:"]


@pytest.mark.parametrize("pieces", [THINKING, [IN_ONE], CUT_OFF])
def test_a_streamed_response_is_the_whole_one(pieces: list[Piece]) -> None:
    whole = msgspec.to_builtins(renderer().ended(blocks_of(pieces), USAGE))
    streamed = response_events(pieces)[-1]["response"]
    times = {"created_at", "completed_at"}
    assert {k: v for k, v in streamed.items() if k not in times} == {k: v for k, v in whole.items() if k not in times}


def test_a_call_that_was_cut_off_is_incomplete() -> None:
    *_, done, last = response_events(CUT_OFF)
    assert (done["item"]["status"], done["item"]["arguments"]) == ("incomplete", '{"x": "y')
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_an_error_before_the_response_began_stands_alone() -> None:
    writer = ResponseEvents(renderer())
    (told,) = events(writer.event(EngineError("It broke."), request_id=ID))
    assert (told["type"], told["sequence_number"], told["message"]) == ("error", 0, "It broke.")


def completion() -> Any:
    return SimpleNamespace(model="m", usage=USAGE)


def message_events(pieces: list[Piece]) -> list[Any]:
    writer = MessageEvents(completion(), request_id=ID)
    return events(b"".join(writer.write([piece]) for piece in pieces) + writer.end(USAGE))


def joined(told: list[Any]) -> dict[str, Any]:
    """The message that the events add up to, as the official client joins them."""
    whole: dict[str, Any] = told[0]["message"]
    parts: dict[int, str] = {}
    for event in told:
        if event["type"] == "content_block_start":
            assert event["index"] == len(whole["content"])
            whole["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            kind = event["delta"].pop("type")
            block = whole["content"][event["index"]]
            ((name, text),) = event["delta"].items()
            if kind == "input_json_delta":
                parts[event["index"]] = parts.get(event["index"], "") + text
                assert block["type"] == "tool_use"
            else:
                assert kind == f"{block['type']}_delta"
                block[name] += text
        elif event["type"] == "message_delta":
            whole |= {**event["delta"], "usage": event["usage"]}
    for index, text in parts.items():
        whole["content"][index]["input"] = json.loads(text)
    return whole


@pytest.mark.parametrize("pieces", [THINKING, [IN_ONE]])
def test_a_streamed_message_is_the_whole_one(pieces: list[Piece]) -> None:
    told = message_events(pieces)
    assert [told[0]["type"], *[event["type"] for event in told[-2:]]] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    whole = msgspec.to_builtins(message(blocks_of(pieces), completion(), request_id=ID))
    assert joined(told) == whole
    assert whole["content"][0] == {"type": "thinking", "thinking": "Let me think.", "signature": ""}
    assert whole["usage"]["input_tokens"] == 3
    assert whole["usage"]["cache_read_input_tokens"] == 2


def test_calls_of_a_message_have_their_input_read() -> None:
    whole = message(blocks_of(THINKING), completion(), request_id=ID)
    assert whole.stop_reason == "tool_use"
    assert msgspec.to_builtins(whole.content[2:]) == [
        {"type": "tool_use", "id": "toolu_a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "toolu_b", "name": "g", "input": {}},
    ]


def test_a_call_that_was_cut_off_has_no_input() -> None:
    whole = message(blocks_of(CUT_OFF), completion(), request_id=ID)
    assert (whole.stop_reason, msgspec.to_builtins(whole.content)[0]["input"]) == ("max_tokens", {})
    deltas = [event["delta"] for event in message_events(CUT_OFF) if event["type"] == "content_block_delta"]
    assert deltas == [{"type": "input_json_delta", "partial_json": '{"x": "y'}]


def test_nothing_is_written_of_pieces_that_say_nothing() -> None:
    assert MessageEvents(completion(), request_id=ID).write([Piece()]) == b""
    assert ResponseEvents(renderer()).write([Piece()]) == b""
