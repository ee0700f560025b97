"""One choice: whatever way the engine cuts its text into pieces, the client gets the same text, calls and tokens."""

import json
from typing import Any

import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.engines.engine import CallPiece, Piece
from penstock.inference.choice import ChoiceReader
from penstock.inference.stop import StopScanner
from penstock.inference.token_logprobs import LogprobQueue
from penstock.inference.tool_calls import WrittenCalls
from penstock.protocol.answer import TokenLogprob

small = st.text("ab\n€", min_size=1, max_size=3)


def in_pieces(texts: list[str], at: list[int], finish_reason: str = "stop") -> list[Piece]:
    """Tokens of these texts, several of them in a piece; the end has a piece of its own, as engines send it."""
    pieces = [
        Piece(content="".join(group), logprobs=[TokenLogprob(text, -1.0) for text in group]) for group in cut(texts, at)
    ]
    return [*pieces, Piece(finish_reason=finish_reason)]


def read(reader: ChoiceReader, pieces: list[Piece]) -> dict[str, Any]:
    """What the client got."""
    got: dict[str, Any] = {"content": "", "tokens": [], "calls": [], "finish_reason": None, "stop_reason": None}
    for piece in pieces:
        reader.take(piece)
        got["content"] += piece.content
        got["tokens"] += [token.token for token in piece.logprobs or []]
        for call in piece.calls or []:
            if call.name:
                assert call.id
                got["calls"].append([call.name, ""])
            got["calls"][-1][1] += call.arguments
        if piece.finish_reason:
            got["finish_reason"], got["stop_reason"] = piece.finish_reason, piece.stop_reason
            break  # nothing is read after the end
    return got


def reader(stops: list[str] | None = None, *, logprobs: bool = False, calls: bool = False) -> ChoiceReader:
    return ChoiceReader(
        calls=WrittenCalls() if calls else None,
        stops=StopScanner(stops) if stops else None,
        logprobs=LogprobQueue(top=0) if logprobs else None,
    )


@given(st.lists(small, max_size=12), st.lists(small, max_size=3), places)
def test_stop_strings_and_probabilities_do_not_depend_on_the_pieces(
    texts: list[str], stops: list[str], at: list[int]
) -> None:
    whole = read(reader(stops, logprobs=True), in_pieces(texts, []))
    assert read(reader(stops, logprobs=True), in_pieces(texts, at)) == whole
    assert whole["tokens"] == texts[: len(whole["tokens"])]
    assert whole["content"].startswith("".join(whole["tokens"]))
    if whole["stop_reason"] is None:
        assert (whole["content"], whole["tokens"]) == ("".join(texts), texts)


@given(st.lists(st.dictionaries(small, small, max_size=2), min_size=1, max_size=3), places, st.booleans())
def test_written_calls_do_not_depend_on_the_pieces(arguments: list[Any], at: list[int], stopped: bool) -> None:
    calls = [["f", json.dumps(one)] for one in arguments]
    text = "\n".join(f'<tool_call>{{"name": "{name}", "arguments": {given}}}</tool_call>' for name, given in calls)
    got = read(reader(["a", "tool_call"] if stopped else None, logprobs=True, calls=True), in_pieces(list(text), at))
    assert got == {
        "content": "",
        "tokens": [],
        "calls": calls,
        "finish_reason": "tool_calls",
        "stop_reason": None,
    }, "a stop string is none inside a call"


def test_words_beside_calls_have_stop_strings_and_probabilities() -> None:
    got = read(reader(["END"], logprobs=True, calls=True), in_pieces(["<too", "l ", "E", "ND", " more"], [1, 2]))
    assert (got["content"], got["tokens"], got["stop_reason"]) == ("<tool ", ["<too", "l "], "END")


def test_what_looked_like_a_call_goes_out_at_the_end() -> None:
    got = read(reader(calls=True, logprobs=True), in_pieces(["<tool", "_call"], [1]))
    assert (got["content"], got["tokens"], got["finish_reason"]) == ("<tool_call", ["<tool", "_call"], "stop")


@pytest.mark.parametrize("mark", ["<", "\n<tool_", '<tool_call>{"name": "f", "argum'])
def test_the_mark_of_a_call_is_no_words_where_the_answer_was_cut_off_in_it(mark: str) -> None:
    got = read(reader(calls=True, logprobs=True), in_pieces(list(mark), [1], "length"))
    assert (got["content"], got["tokens"], got["calls"], got["finish_reason"]) == ("", [], [], "length")


def test_blanks_before_the_cut_are_words() -> None:
    assert read(reader(calls=True), in_pieces([" ", "\n"], [], "length"))["content"] == " \n"


def test_calls_of_the_engine_get_ids_and_end_as_calls() -> None:
    pieces = [
        Piece(calls=[CallPiece(0, name="f"), CallPiece(0, arguments="{"), CallPiece(1, id="theirs", name="g")]),
        Piece(calls=[CallPiece(0, arguments="}")], finish_reason="stop"),
    ]
    taken = reader()
    for piece in pieces:
        taken.take(piece)
    first, second = pieces
    assert first.calls is not None
    assert [bool(call.id) for call in first.calls] == [True, False, True]
    assert first.calls[2].id == "theirs"
    assert second.finish_reason == "tool_calls"


def test_an_answer_that_was_cut_off_in_a_call_says_so() -> None:
    pieces = [Piece(calls=[CallPiece(0, "c", "f")]), Piece(finish_reason="length")]
    taken = reader()
    for piece in pieces:
        taken.take(piece)
    assert pieces[-1].finish_reason == "length"
