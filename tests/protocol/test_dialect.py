"""Requests of other APIs as chat requests: what becomes of each part, and the names that errors give to fields."""

import json
from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest, ModelNotFound
from penstock.protocol import anthropic_chat, responses_chat
from penstock.protocol.anthropic_request import parse_count_request, parse_messages_request
from penstock.protocol.dialect import Names, Translated
from penstock.protocol.responses_request import parse_responses_request

TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}


def response(given: Any = "q", **fields: Any) -> Translated:
    body = json.dumps({"model": "m", "input": given, **fields}).encode()
    return responses_chat.as_chat(parse_responses_request(body))


def message(*turns: Any, **fields: Any) -> Translated:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": turns or [user("q")], **fields}).encode()
    return anthropic_chat.as_chat(parse_messages_request(body))


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def said(translated: Translated) -> list[Any]:
    """The messages, without what is empty in them."""
    return [
        {name: value for name, value in one.items() if value is not None}
        for one in msgspec.to_builtins(translated.chat.messages)
    ]


def call(call_id: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments, "parsed_arguments": None}
    return {"id": call_id, "type": "function", "function": function, "index": None}


NAMES = Names(
    {
        "messages": "input",
        "messages[1]": "input[0]",
        "messages[10]": "input[7]",
        "messages[1].tool_call_id": "input[0].call_id",
        "tools[0].function": "tools[0]",
    }
)


@pytest.mark.parametrize(
    ("param", "original"),
    [
        ("messages", "input"),
        ("messages[0]", "input[0]"),
        ("messages[1]", "input[0]"),
        ("messages[10].content[3]", "input[7].content[3]"),
        ("messages[1].tool_call_id", "input[0].call_id"),
        ("tools[0].function.parameters.not", "tools[0].parameters.not"),
        ("tools[1].function", "tools[1].function"),
        ("temperature", "temperature"),
    ],
)
def test_the_longest_path_that_is_known_counts(param: str, original: str) -> None:
    assert NAMES.original(param) == original


def test_an_error_and_its_message_name_what_was_sent() -> None:
    with pytest.raises(InvalidRequest) as raised, NAMES.in_errors():
        raise InvalidRequest("messages[1].tool_call_id is none.", param="messages[1].tool_call_id")
    assert (raised.value.param, raised.value.message) == ("input[0].call_id", "input[0].call_id is none.")
    with pytest.raises(ModelNotFound) as missing, NAMES.in_errors():
        raise ModelNotFound("m")
    assert missing.value.param == "model"


def test_what_the_model_did_in_one_turn_is_one_message() -> None:
    translated = response(
        [
            {"role": "user", "content": "q"},
            {"type": "reasoning", "id": "rs", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "so", "annotations": [], "parsed": {"a": 1}}],
            },
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "f", "arguments": '{"x":1}'},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
            {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "ah"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "3"},
        ],
        instructions="Be.",
    )
    assert said(translated) == [
        {"role": "system", "content": "Be."},
        {"role": "user", "content": "q"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "so"}],
            "reasoning": "hm",
            "tool_calls": [call("a"), call("b", '{"x":1}')],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "assistant", "reasoning": "ah", "tool_calls": [call("c")]},
        {"role": "tool", "tool_call_id": "c", "content": "3"},
    ]
    assert translated.names.original("messages[4].content[0]") == "input[6].output[0]"


def test_reasoning_before_somebody_else_speaks_is_left_out() -> None:
    items = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, user("q")]
    assert said(response([*items, {"role": "assistant", "content": "a"}])) == [
        user("q"),
        {"role": "assistant", "content": "a"},
    ]


def test_two_things_that_the_model_said_stay_two() -> None:
    items = [{"role": "assistant", "content": one} for one in ("a", "b")]
    assert [one["content"] for one in said(response([user("q"), *items]))] == ["q", "a", "b"]


def test_every_field_of_a_response_goes_where_it_belongs() -> None:
    chat = response(
        max_output_tokens=7,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=1,
        stop="x",
        user="u",
        stream=True,
        tools=[TOOL],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
        reasoning={"effort": "low"},
        include=["message.output_text.logprobs"],
        top_logprobs=2,
    ).chat
    given = {name: value for name, value in msgspec.to_builtins(chat).items() if value is not None}
    assert given == {
        "model": "m",
        "messages": [{"role": "user", "content": "q", "name": None}],
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "seed": 1,
        "stop": "x",
        "user": "u",
        "stream": True,
        "tools": [{"type": "function", "function": {name: value for name, value in TOOL.items() if name != "type"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True, "description": None},
        },
        "reasoning_effort": "low",
        "logprobs": True,
        "top_logprobs": 2,
    }


def test_some_tools_of_a_response_may_be_called() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}
    chat = response(tools=[TOOL], tool_choice=allowed).chat
    assert msgspec.to_builtins(chat.tool_choice) == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }


@pytest.mark.parametrize(
    ("given", "format_"),
    [
        (None, None),
        ({"format": {"type": "text"}}, {"type": "text"}),
        ({"format": {"type": "json_object"}}, {"type": "json_object"}),
    ],
)
def test_formats_that_are_the_same_in_both(given: Any, format_: Any) -> None:
    assert msgspec.to_builtins(response(text=given).chat.response_format) == format_


def test_images_of_a_response_are_parts_of_a_chat() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}
    (one,) = said(response([user([image, {"type": "input_text", "text": "a"}])]))
    assert one["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "text", "text": "a"},
    ]


def test_a_turn_of_a_message_becomes_what_a_chat_has_for_it() -> None:
    translated = message(
        user([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]),
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "so"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "t2", "name": "f", "input": {}},
        ),
        user(
            [
                {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "is_error": True,
                    "content": [{"type": "text", "text": "2"}],
                },
                {"type": "text", "text": "and?"},
            ]
        ),
        assistant({"type": "redacted_thinking", "data": "x"}),
        system=[{"type": "text", "text": "Be."}, {"type": "text", "text": "Do."}],
    )
    assert said(translated) == [
        {"role": "system", "content": "Be.\nDo."},
        {"role": "user", "content": "a\nb"},
        {
            "role": "assistant",
            "content": "so",
            "reasoning": "hm",
            "tool_calls": [call("t1", '{"x":1}'), call("t2")],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "1"},
        {"role": "tool", "tool_call_id": "t2", "content": "The call failed: 2"},
        {"role": "user", "content": "and?"},
        {"role": "assistant", "content": ""},
    ]
    assert translated.names.original("messages[4].tool_call_id") == "messages[2].content[1].tool_use_id"


def test_images_of_a_message_are_parts_of_a_chat() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
    translated = message(user([{"type": "text", "text": "a"}, image]))
    assert said(translated)[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": None}},
    ]
    assert translated.names.original("messages[0].content[1]") == "messages[0].content[1]"


def test_every_field_of_a_message_goes_where_it_belongs() -> None:
    chat = message(
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=1,
        min_p=0.1,
        stop_sequences=["x"],
        stream=True,
        metadata={"user_id": "u"},
        service_tier="auto",
        tools=[{"name": "f", "description": "d", "input_schema": {"type": "object"}, "input_examples": [{"a": 1}]}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 4},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    ).chat
    given = {name: value for name, value in msgspec.to_builtins(chat).items() if value is not None}
    assert given == {
        "model": "m",
        "messages": [{"role": "user", "content": "q", "name": None}],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "seed": 1,
        "min_p": 0.1,
        "stop": ["x"],
        "stream": True,
        "user": "u",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "examples": [{"a": 1}]},
                    "strict": None,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "output", "schema": {"type": "object"}, "description": None, "strict": None},
        },
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize(
    ("choice", "chat_choice", "parallel"),
    [
        (None, None, True),
        ({"type": "auto"}, None, True),
        ({"type": "auto", "disable_parallel_tool_use": True}, None, False),
        ({"type": "any"}, "required", True),
        ({"type": "none"}, "none", True),
    ],
)
def test_choices_of_tools(choice: Any, chat_choice: Any, parallel: bool) -> None:
    chat = message(tools=[{"name": "f", "input_schema": {}}], tool_choice=choice).chat
    assert (chat.tool_choice, chat.parallel_tool_calls) == (chat_choice, parallel)


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 4}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4}, "output_config": {"effort": "high"}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, None),
        ({"output_config": {"effort": "high"}}, None),
    ],
)
def test_how_much_a_model_is_told_to_think(fields: dict[str, Any], effort: Any) -> None:
    translated = message(**fields)
    assert translated.chat.reasoning_effort == effort
    assert translated.names.original("reasoning_effort") == "thinking"


def test_a_request_for_a_count_has_no_bound() -> None:
    body = json.dumps({"model": "m", "messages": [user("q")]}).encode()
    chat = anthropic_chat.as_chat(parse_count_request(body)).chat
    assert (chat.output_limit, chat.stream) == (None, None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, True),
        ({"edits": []}, True),
        ({"edits": [{"type": "clear_thinking_20251015"}]}, False),
        ({"edits": [{"type": "clear_tool_uses_20250919"}]}, False),
    ],
)
def test_a_conversation_is_left_whole_or_the_request_is_refused(given: Any, kept: bool) -> None:
    if kept:
        assert message(context_management=given).chat.messages
        return
    with pytest.raises(InvalidRequest) as refused:
        message(context_management=given)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "context_management")


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
@pytest.mark.parametrize("parse", [parse_responses_request, parse_messages_request, parse_count_request])
def test_a_body_that_is_no_object_is_refused(body: bytes, parse: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse(body)


@pytest.mark.parametrize("given", [1, "x", {}, [1], [None], [[]], [{"type": 1}], [{"type": None, "role": []}]])
def test_odd_shapes_are_refused_and_break_nothing(given: Any) -> None:
    for field in ("input", "tools", "text", "reasoning", "include"):
        if (field, given) != ("input", "x") and not (field in ("text", "reasoning") and given == {}):
            with pytest.raises(InvalidRequest):
                response(**{field: given})
    for field in ("messages", "tools", "system", "thinking", "metadata", "context_management"):
        if (field, given) not in (("system", "x"), ("metadata", {})):
            with pytest.raises(InvalidRequest):
                message(**{field: given})
    with pytest.raises(InvalidRequest):
        message(user(given) if given != "x" else user(None))
