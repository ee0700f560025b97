"""What a request for embeddings may say, each bound on both of its sides, and how a vector is written."""

import json
import struct
from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest
from penstock.protocol import embeddings
from penstock.protocol.embeddings import Embedding, EmbeddingRequest, numbers_of, parse_embedding_request


def parsed(**fields: Any) -> EmbeddingRequest:
    return parse_embedding_request(json.dumps({"model": "m", "input": "Hi", **fields}).encode())


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        parsed(**fields)
    return refused.value


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("Hi", ["Hi"]),
        (["Hi"], ["Hi"]),
        (["Hi", "there"], ["Hi", "there"]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ([5] * 5000, [[5] * 5000]),
    ],
    ids=["text", "one text", "texts", "tokens", "many tokens", "more tokens than there may be inputs"],
)
def test_the_four_forms_of_an_input(given: Any, inputs: list[Any]) -> None:
    assert parsed(input=given).inputs == inputs


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("", "input"),
        ([], "input"),
        (["Hi", ""], "input[1]"),
        ([[1], []], "input[1]"),
        ([-1], "input[0]"),
        ([["Hi"]], "input[0][0]"),
        (["Hi", 1], "input"),
        ([1, [2]], "input"),
        (None, "input"),
        (7, "input"),
    ],
)
def test_what_is_no_input(given: Any, param: str) -> None:
    error = refusal(input=given)
    assert (error.status, error.param) == (400, param)
    assert error.code in {"invalid_type", "invalid_value"}


@pytest.mark.parametrize(
    ("most", "one_more"),
    [
        (["a"] * 2048, ["a"] * 2049),
        (["a" * 500_000] * 4, ["a" * 500_000] * 4 + ["a"]),
        ("ä" * 2_000_000, "ä" * 2_000_001),
        ([[1] * 1000] * 300, [[1] * 1000] * 300 + [[1]]),
    ],
    ids=["inputs", "characters together", "characters", "tokens together"],
)
def test_how_much_one_request_may_ask_for(most: Any, one_more: Any) -> None:
    parsed(input=most)
    error = refusal(input=one_more)
    assert (error.code, error.param) == ("invalid_value", "input")
    assert "Send several" in error.message


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("model", ["m", "m" * 256], ["", "m" * 257, None, 3]),
        ("encoding_format", ["float", "base64", None], ["int8", "", 1]),
        ("dimensions", [1, 1_000_000, None], [0, 1_000_001, -5, 1.5, "8", True]),
        ("user", ["", "u" * 512, None], ["u" * 513, 5]),
    ],
)
def test_the_bounds_of_each_field(field: str, inside: list[Any], outside: list[Any]) -> None:
    for value in inside:
        assert getattr(parsed(**{field: value}), field) == value
    for value in outside:
        assert refusal(**{field: value}).param == field


@pytest.mark.parametrize("name", ["messages", "prompt", "stream", "truncate", "embd_normalize", "input_type"])
def test_what_is_unknown(name: str) -> None:
    error = refusal(**{name: 1})
    assert (error.code, error.param) == ("unknown_parameter", name)


def test_model_and_input_are_required() -> None:
    for body, param in ((b'{"model":"m"}', "input"), (b'{"input":"m"}', "model")):
        with pytest.raises(InvalidRequest) as refused:
            parse_embedding_request(body)
        assert (refused.value.code, refused.value.param) == ("missing_required_parameter", param)


def test_a_vector_is_numbers_or_the_base64_of_little_endian_floats() -> None:
    vector = struct.pack("<3f", 0.5, -1.0, 2.0)
    assert numbers_of(vector) == [0.5, -1.0, 2.0]
    in_base64 = msgspec.json.decode(msgspec.json.encode(Embedding(index=1, embedding=vector)))
    assert in_base64 == {"object": "embedding", "index": 1, "embedding": "AAAAPwAAgL8AAABA"}


def test_the_bounds_are_those_that_are_told() -> None:
    assert (embeddings.MAX_INPUTS, embeddings.MAX_ALL_CHARACTERS, embeddings.MAX_ALL_TOKENS) == (
        2048,
        2_000_000,
        300_000,
    )
