"""A finished answer that is not of its form is an error, wherever the engine has lost its grammar."""

from contextlib import closing

import entries
import msgspec
import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import HEAD, answering, chunked, engine, relay

from penstock.engines.engine import CallPiece, Piece
from penstock.errors import EngineError
from penstock.inference.completion import Completion, chat_readers
from penstock.inference.form import Shaped
from penstock.inference.kept_form import KeptForm, Words
from penstock.protocol.chat import ChatRequest

CALL = '<tool_call>{"name": "f", "arguments": {"a": [1]}}</tool_call>'


def told(words: Words, *pieces: Piece) -> None:
    form = KeptForm(words)
    for piece in pieces:
        form.take(piece)


def finished(text: str, reason: str = "stop") -> list[Piece]:
    return [Piece(content=text), Piece(finish_reason=reason)]


@pytest.mark.parametrize("text", ['{"a": 1}', "[]", "null", '"a"', "1.5e3", ' {"é": "😀"} '])
def test_json(text: str) -> None:
    told("json", *finished(text))


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1', '{"a": 1} and more', "Sure!", "{'a': 1}", '{"a": }', "NaN", "[" * 99_999]
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(EngineError, match="not of the form"):
        told("json", *finished(text))


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3), places)
def test_json_in_whatever_pieces_it_comes(value: dict[str, int | str], at: list[int]) -> None:
    texts = list(msgspec.json.encode(value).decode())
    told("json", *(Piece(content="".join(group)) for group in cut(texts, at)), Piece(finish_reason="stop"))


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_cut_off_may_be_incomplete(reason: str) -> None:
    for words in ("any", "json", "none"):
        told(words, *finished('{"a": 1', reason))


def test_words_are_free_where_nothing_is_asked_of_them() -> None:
    told("any", *finished("{"))


def test_words_where_there_must_be_a_call() -> None:
    with pytest.raises(EngineError):
        told("none", *finished("I would rather not."))


@pytest.mark.parametrize("words", ["any", "json", "none"])
@pytest.mark.parametrize(
    ("arguments", "kept"), [(["{", "}"], True), (['{"a": ', "1"], False), (["no"], False), ([], False)]
)
def test_arguments_of_calls_are_json(words: Words, arguments: list[str], kept: bool) -> None:
    pieces = [
        Piece(calls=[CallPiece(0, "c0", "f"), CallPiece(0, arguments="{}")]),
        Piece(calls=[CallPiece(1, "c1", "g"), *(CallPiece(1, arguments=one) for one in arguments)]),
        Piece(finish_reason="stop"),
    ]
    if kept:
        told(words, *pieces)
    else:
        with pytest.raises(EngineError):
            told(words, *pieces)


async def answered(shaped: Shaped, text: str, reason: str = "stop") -> str:
    """What the client gets of an engine that says `text`."""
    said = [{"index": 0, "delta": {"content": text}}, {"index": 0, "delta": {}, "finish_reason": reason}]
    events = b"".join(b"data: %b\n\n" % msgspec.json.encode({"choices": [one]}) for one in said)
    wire = (HEAD, chunked(events + b"data: [DONE]\n\n"), b"0\r\n\r\n")
    async with engine(answering(*wire)) as endpoint, relay() as talks:
        with closing(await talks.chat(shaped.request, endpoint, grammar=shaped.grammar)) as stream:
            entry = entries.entry()
            entry.counts = stream.counts
            completion = Completion("chatcmpl-1", shaped.request, stream, entry, readers=chat_readers(shaped))
            got = ""
            while (pieces := await completion.read()) is not None:
                for piece in pieces:
                    got += piece.content + "".join(call.arguments for call in piece.calls or ())
            return got


REQUEST = msgspec.convert({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, ChatRequest)
STOPPED = msgspec.structs.replace(REQUEST, stop="]")


@pytest.mark.parametrize(
    ("shaped", "text", "got"),
    [
        (Shaped(REQUEST), "Sure", "Sure"),
        (Shaped(REQUEST, "g", words="json"), '{"a": 1}', '{"a": 1}'),
        (Shaped(REQUEST, "g", "written"), "Sure", "Sure"),
        (Shaped(REQUEST, "g", "written", "none"), CALL, '{"a": [1]}'),
        (Shaped(STOPPED, "g", words="json"), '{"a": [1]}', '{"a": [1'),
    ],
    ids=["no form", "json", "words", "a call", "cut off by a stop string"],
)
async def test_what_is_of_its_form_is_handed_out(shaped: Shaped, text: str, got: str) -> None:
    assert await answered(shaped, text) == got


@pytest.mark.parametrize(
    ("shaped", "text"),
    [
        (Shaped(REQUEST, "g", words="json"), '{"a": 1} Is there more I can do?'),
        (Shaped(REQUEST, "g", "written", "none"), "Sure"),
        (Shaped(REQUEST, "g", "written", "json"), "Sure"),
        (Shaped(REQUEST, "g", "written"), CALL.replace("]", "")),
        (Shaped(REQUEST, "g", "written"), f"{CALL}\n{CALL[:44]}"),
    ],
    ids=["more than json", "no call", "neither call nor json", "a broken call", "half a call"],
)
async def test_what_is_not_is_an_error(shaped: Shaped, text: str) -> None:
    with pytest.raises(EngineError, match="not of the form"):
        await answered(shaped, text)
    await answered(shaped, text, "length")
