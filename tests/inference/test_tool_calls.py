"""Calls read back from text: any cut of the text gives the same calls, and none of their marks goes out as words."""

import json
from typing import Any

import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.inference.tool_calls import JsonEnd, WrittenCalls
from penstock.inference.tool_prompt import OPEN

nasty = st.lists(st.sampled_from([*'"\\{}[],: \n', "</tool_call>", "a", "é", "🎉"]), max_size=8).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | nasty,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nasty, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(nasty, values, max_size=3)
names = st.text("abc_-.", min_size=1, max_size=6)
calls = st.lists(st.tuples(names, objects, st.booleans()), min_size=1, max_size=3)


def written(name: str, arguments: str) -> str:
    return f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'


def read(pieces: list[str]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """The words, the calls and the ids of the calls."""
    reader = WrittenCalls()
    words = ""
    found: list[tuple[str, str]] = []
    ids: list[str] = []
    for piece in pieces:
        text, parts = reader.feed(piece)
        words += text
        for part in parts:
            if part.name:
                assert part.index == len(found), "a call begins after all that came before it"
                found.append((part.name, ""))
                ids.append(part.id)
            assert part.index == len(found) - 1
            assert bool(part.id) is bool(part.name)
            found[-1] = (found[-1][0], found[-1][1] + part.arguments)
    words += reader.rest()
    assert reader.called is bool(found)
    return words, found, ids


@given(objects | st.lists(values, max_size=3), st.booleans(), nasty, places)
def test_the_end_of_a_value_is_found_wherever_the_text_is_cut(
    value: Any, ascii_only: bool, following: str, at: list[int]
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    scanner, taken = JsonEnd(), 0
    for piece in cut(text + following, at):
        end = scanner.find(piece)
        if end is not None:
            assert taken + end == len(text)
            return
        taken += len(piece)
    raise AssertionError("the value has no end")


@given(calls, places)
def test_any_cut_gives_the_same_calls(made: list[tuple[str, Any, bool]], at: list[int]) -> None:
    expected = [(name, json.dumps(arguments, ensure_ascii=ascii_only)) for name, arguments, ascii_only in made]
    text = "\n".join(written(*call) for call in expected)
    words, found, ids = read(cut(text, at))
    assert (words, found) == ("", expected)
    assert len(set(ids)) == len(ids)
    assert all(call_id.startswith("call_") for call_id in ids)


@given(st.text() | nasty | st.sampled_from(["<", "<tool", "<tool_cal", " \n<tool_call", "<tool_ball>"]), places)
def test_words_go_out_as_they_came(text: str, at: list[int]) -> None:
    if text.lstrip().startswith(OPEN):
        return
    assert read(cut(text, at)) == (text, [], [])


def test_words_go_out_at_once_as_soon_as_they_cannot_be_a_call() -> None:
    reader = WrittenCalls()
    assert reader.feed(" <tool_") == ("", [])
    assert reader.feed("box") == (" <tool_box", [])
    assert reader.feed("<tool_call>") == ("<tool_call>", []), "an answer in words stays one"


def test_arguments_go_out_while_they_come() -> None:
    reader = WrittenCalls()
    reader.feed('<tool_call>{"name": "f", "arguments": ')
    sent = [reader.feed(piece)[1] for piece in ['{"a', '": "b}', '"}', "}</tool_", "call>"]]
    assert [[part.arguments for part in parts] for parts in sent] == [['{"a'], ['": "b}'], ['"}'], [], []]


@pytest.mark.parametrize(
    ("cut_off", "found"),
    [
        ('<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_c', [("f", '{"a": 1}')]),
        ('<tool_call>{"name": "f", "arguments": {"a": "}', [("f", '{"a": "}')]),
        ('<tool_call>{"name": "f", "arguments": {"a": "\\', [("f", '{"a": "\\')]),
        (written("f", "{}") + '\n<tool_call>{"name": "g', [("f", "{}")]),
        (written("f", "{}") + "\n" + '<tool_call>{"name": "g", "arguments": ', [("f", "{}"), ("g", "")]),
    ],
)
def test_an_answer_that_was_cut_off_keeps_what_there_is_of_its_calls(
    cut_off: str, found: list[tuple[str, str]]
) -> None:
    assert read(list(cut_off))[:2] == ("", found)
