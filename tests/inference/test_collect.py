"""The whole answer, joined from pieces."""

from typing import Any

import msgspec
import pytest

from penstock.engines.engine import CallPiece, Piece
from penstock.inference.collect import CollectedChoice
from penstock.protocol.answer import TokenLogprob


def joined(*pieces: Piece) -> dict[str, Any]:
    choice = CollectedChoice(3)
    for piece in pieces:
        choice.add(piece)
    made: dict[str, Any] = msgspec.to_builtins(choice.choice())
    return made


END = Piece(finish_reason="stop")


def test_text_is_joined_and_the_choice_keeps_its_place() -> None:
    made = joined(Piece(content="Hel"), Piece(content="lo"), Piece(), END)
    assert (made["index"], made["message"]["content"], made["finish_reason"]) == (3, "Hello", "stop")
    assert (made["logprobs"], made["message"]["tool_calls"]) == (None, [])
    assert "reasoning" not in made["message"]


def test_an_answer_without_text_is_an_empty_text() -> None:
    assert joined(Piece(finish_reason="length"))["message"]["content"] == ""


def test_the_stop_string_that_hit_is_told() -> None:
    made = joined(Piece(content="a"), Piece(finish_reason="stop", stop_reason="END"))
    assert (made["finish_reason"], made["stop_reason"]) == ("stop", "END")


def test_reasoning_stands_under_both_names() -> None:
    message = joined(Piece(reasoning="2+"), Piece(reasoning="2"), Piece(content="4"), END)["message"]
    assert (message["reasoning"], message["reasoning_content"], message["content"]) == ("2+2", "2+2", "4")


def test_calls_are_joined_each_by_itself() -> None:
    message = joined(
        Piece(calls=[CallPiece(0, "c0", "f"), CallPiece(1, "c1", "g", "{")]),
        Piece(calls=[CallPiece(0, arguments='{"a"'), CallPiece(1, arguments="}")]),
        Piece(calls=[CallPiece(0, arguments=":1}")]),
        Piece(finish_reason="tool_calls"),
    )["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "c0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_words_before_a_call_are_kept() -> None:
    assert joined(Piece(content="Hm."), Piece(calls=[CallPiece(0, "c", "f")]), END)["message"]["content"] == "Hm."


def test_arguments_of_no_call_are_dropped() -> None:
    assert joined(Piece(calls=[CallPiece(5, arguments="{}")]), END)["message"]["tool_calls"] == []


@pytest.mark.parametrize(
    ("pieces", "tokens"),
    [
        ([Piece(content="a")], None),
        ([Piece(logprobs=[])], []),
        (
            [Piece(content="a", logprobs=[TokenLogprob("a", -1.0)]), Piece(logprobs=[TokenLogprob("b", -2.0)])],
            ["a", "b"],
        ),
    ],
    ids=["not asked for", "of nothing", "joined"],
)
def test_probabilities(pieces: list[Piece], tokens: list[str] | None) -> None:
    logprobs = joined(*pieces, END)["logprobs"]
    assert (None if logprobs is None else [token["token"] for token in logprobs["content"]]) == tokens
