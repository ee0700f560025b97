"""What a request about raw prompts may say, each bound on both of its sides."""

import json
from typing import Any

import pytest

from penstock.errors import InvalidRequest
from penstock.protocol.completions import CompletionRequest, parse_completion_request


def parsed(**fields: Any) -> CompletionRequest:
    return parse_completion_request(json.dumps({"model": "m", "prompt": "Hi", **fields}).encode())


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        parsed(**fields)
    return refused.value


@pytest.mark.parametrize(
    ("given", "prompts"),
    [
        ("Hi", ["Hi"]),
        (["Hi"], ["Hi"]),
        (["Hi", "there"], ["Hi", "there"]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
    ],
)
def test_the_four_forms_of_a_prompt(given: Any, prompts: list[Any]) -> None:
    request = parsed(prompt=given)
    assert (request.prompts, request.choices) == (prompts, len(prompts))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("", "prompt"),
        ([], "prompt"),
        ([""], "prompt[0]"),
        (["Hi", ""], "prompt[1]"),
        ([[]], "prompt[0]"),
        ([-1], "prompt[0]"),
        ([[10_000_000]], "prompt[0][0]"),
        ([1.5], "prompt[0]"),
        ([True], "prompt[0]"),
        ([["Hi"]], "prompt[0][0]"),
        (["Hi", 1], "prompt"),
        ([1, [2]], "prompt"),
        (["Hi", [2]], "prompt"),
        (None, "prompt"),
        ({"text": "Hi"}, "prompt"),
        (7, "prompt"),
    ],
)
def test_what_is_no_prompt(given: Any, param: str) -> None:
    error = refusal(prompt=given)
    assert (error.status, error.param) == (400, param)
    assert error.code in {"invalid_type", "invalid_value"}


def test_a_prompt_is_required() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_completion_request(b'{"model":"m"}')
    assert (refused.value.code, refused.value.param) == ("missing_required_parameter", "prompt")


def test_each_prompt_has_n_choices_and_all_of_them_are_bounded() -> None:
    assert parsed(prompt=["a"] * 16, n=8).choices == 128
    error = refusal(prompt=["a"] * 17, n=8)
    assert (error.code, error.param) == ("invalid_value", "prompt")
    assert "128" in error.message
    assert "136" in error.message


@pytest.mark.parametrize(
    ("name", "value"), [("best_of", 2), ("echo", True), ("logprobs", 0), ("logprobs", 3), ("suffix", "end")]
)
def test_what_is_known_but_not_served_is_refused_by_name(name: str, value: Any) -> None:
    error = refusal(**{name: value})
    assert (error.code, error.param) == ("unsupported_parameter", name)


@pytest.mark.parametrize(
    "silent",
    [{"best_of": 1}, {"echo": False}, {"suffix": ""}, dict.fromkeys(("best_of", "echo", "logprobs", "suffix"))],
)
def test_values_that_ask_for_nothing_are_passed_over(silent: dict[str, Any]) -> None:
    assert parsed(**silent) == parsed()


@pytest.mark.parametrize(
    "name", ["messages", "tools", "response_format", "max_completion_tokens", "grammar", "n_predict"]
)
def test_what_belongs_to_chats_or_engines_is_unknown(name: str) -> None:
    error = refusal(**{name: 1})
    assert (error.code, error.param) == ("unknown_parameter", name)


def test_options_of_a_stream_without_a_stream() -> None:
    assert refusal(stream_options={"include_usage": True}).param == "stream_options"
