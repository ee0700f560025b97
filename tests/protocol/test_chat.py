import json
from typing import Any

import pytest

from penstock.errors import InvalidRequest
from penstock.protocol.chat import parse_chat_request

USER = [{"role": "user", "content": "Hi"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "42"}


def parse(**fields: Any) -> Any:
    return parse_chat_request(json.dumps({"model": "m", "messages": USER, **fields}).encode())


def refusal(**fields: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    assert caught.value.status == 400
    return caught.value.code, caught.value.param


def test_the_smallest_request() -> None:
    request = parse()
    assert (request.model, request.stops, request.output_limit, request.include_usage) == ("m", [], None, False)


def test_a_refusal_does_not_quote_what_was_sent() -> None:
    for field in ({"messages": [{"role": "my secret", "content": "x"}]}, {"service_tier": "my secret"}):
        with pytest.raises(InvalidRequest) as caught:
            parse(**field)
        assert "secret" not in caught.value.message


def test_an_unsupported_parameter_that_asks_for_nothing_is_no_mistake() -> None:
    assert parse(audio=None, functions=[], function_call="none", modalities=["text"]) == parse()


def test_null_means_the_default() -> None:
    optional = [
        *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"),
        *("logit_bias", "seed", "max_completion_tokens", "max_tokens", "n", "stop", "stream", "stream_options"),
        *(
            "response_format",
            "user",
            "metadata",
            "store",
            "service_tier",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
        ),
        *("logprobs", "top_logprobs", "reasoning_effort"),
    ]
    assert parse(**dict.fromkeys(optional)) == parse()


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_p": 1},
        {"top_p": 0.001},
        {"n": 8},
        {"stop": "x"},
        {"stop": ["a", "b", "c", "d"]},
        {"stop": []},
        {"seed": -5},
        {"presence_penalty": -2, "frequency_penalty": 2.0},
        {"logit_bias": {"50256": -100}},
        {"max_tokens": 5, "max_completion_tokens": 5},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"response_format": {"type": "text"}},
        {"metadata": {"a": "b"}, "user": "u", "store": False, "service_tier": "flex", "safety_identifier": "s"},
        {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
        {"logprobs": True, "top_logprobs": 20},
        {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": True}}},
        {"messages": [*USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;,"}}]}]},
        {"messages": [{"role": "developer", "content": "Be brief."}, *USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
        {
            "messages": [
                *USER,
                {"role": "assistant", "content": "Yes?", "reasoning_content": "hm", "refusal": None},
                *USER,
            ]
        },
    ],
)
def test_what_is_accepted(fields: dict[str, Any]) -> None:
    parse(**fields)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"temperature": -0.1}, "invalid_value", "temperature"),
        ({"temperature": "0.7"}, "invalid_type", "temperature"),
        ({"temperature": True}, "invalid_type", "temperature"),
        ({"top_p": 0}, "invalid_value", "top_p"),
        ({"n": 0}, "invalid_value", "n"),
        ({"n": 9}, "invalid_value", "n"),
        ({"n": 1.5}, "invalid_type", "n"),
        ({"stream": 1}, "invalid_type", "stream"),
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"max_tokens": -1}, "invalid_value", "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "invalid_value", "max_completion_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "invalid_value", "stop"),
        ({"stop": ""}, "invalid_value", "stop"),
        ({"stop": ["x" * 257]}, "invalid_value", "stop[0]"),
        ({"logit_bias": {"1": 101}}, "invalid_value", "logit_bias[...]"),
        ({"metadata": {str(i): "x" for i in range(17)}}, "invalid_value", "metadata"),
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": "Hi"}, "invalid_type", "messages"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"content": "Hi"}]}, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages[0].content"),
        (
            {"messages": [*USER, {"role": "user", "content": "x", "colour": 1}]},
            "unknown_parameter",
            "messages[1].colour",
        ),
        ({"model": None}, "invalid_type", "model"),
        ({"model": ""}, "invalid_value", "model"),
        ({"stream_options": {"include_usage": True}}, "invalid_value", "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "unknown_parameter", "stream_options.x"),
        ({"service_tier": "gold"}, "invalid_value", "service_tier"),
        ({"tools": [{}]}, "missing_required_parameter", "tools[0].function"),
        ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "invalid_value", "tools[0].function.name"),
        ({"tool_choice": "any"}, "invalid_value", "tool_choice"),
        ({"functions": [{"name": "f"}]}, "unsupported_parameter", "functions"),
        ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "missing_required_parameter", "response_format.json_schema"),
        ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "invalid_value", "top_logprobs"),
        ({"logit_bias": {"12\n": 1}}, "invalid_value", "logit_bias"),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
            "missing_required_parameter",
            "messages[0].content[0].type",
        ),
        ({"audio": {}}, "unsupported_parameter", "audio"),
        ({"verbosity": "low"}, "unsupported_parameter", "verbosity"),
        ({"messages": [{"role": "assistant"}]}, "missing_required_parameter", "messages[0].content"),
        (
            {"messages": [*USER, {"role": "tool", "tool_call_id": "x", "content": "1"}]},
            "invalid_value",
            "messages[1].tool_call_id",
        ),
    ],
)
def test_what_is_refused_and_where(fields: dict[str, Any], code: str, param: str) -> None:
    assert refusal(**fields) == (code, param)


@pytest.mark.parametrize(
    "field",
    [
        *("chat_template", "chat_template_kwargs", "grammar", "guided_json", "guided_regex", "min_tokens", "bad_words"),
        *("n_discard", "chat_parser", "cache_salt", "prompt_embeds", "ignore_eos", "n_predict", "id_slot"),
        *("cache_prompt", "lora", "mirostat", "timings_per_token"),
    ],
)
def test_engine_private_fields_are_unknown(field: str) -> None:
    assert refusal(**{field: 1}) == ("unknown_parameter", field)


@pytest.mark.parametrize(("body", "code"), [(b"[]", "invalid_type"), (b"5", "invalid_type"), (b"null", "invalid_type")])
def test_the_body_is_an_object(body: bytes, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_chat_request(body)
    assert (caught.value.code, caught.value.param) == (code, None)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_chat_request(json.dumps({"messages": USER}).encode())
    assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "model")
