"""Messages: what a conversation may consist of, and the text that there is in one."""

from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest
from penstock.protocol.messages import (
    DeveloperMessage,
    FunctionCall,
    Message,
    SystemMessage,
    UserMessage,
    arguments_of,
    check_conversation,
    text_of,
)

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLS = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}
USER = {"role": "user", "content": "Hi"}


def messages(*given: dict[str, Any]) -> list[Message]:
    return msgspec.convert(list(given), list[Message])


def content(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize(
    ("role", "kind"), [("system", SystemMessage), ("developer", DeveloperMessage), ("user", UserMessage)]
)
def test_each_role_is_a_kind_of_message(role: str, kind: type) -> None:
    (message,) = messages({"role": role, "content": "x", "name": "Ada"})
    assert type(message) is kind


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, ""),
        ("", ""),
        ("Hi", "Hi"),
        ([{"type": "text", "text": "a "}, {"type": "text", "text": "b"}], "a b"),
        ([{"type": "refusal", "refusal": "No."}], "No."),
        ([{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": "b"}], "b"),
        ([{"type": "input_audio", "input_audio": {}}, {"type": "file", "file": {}}], ""),
    ],
)
def test_the_text_of_a_content(given: Any, text: str) -> None:
    (message,) = messages({"role": "assistant", "content": given})
    assert text_of(message.content) == text


@pytest.mark.parametrize(
    "message",
    [
        {
            "role": "assistant",
            "content": "Yes",
            "audio": None,
            "function_call": None,
            "refusal": None,
            "tool_calls": [],
        },
        {"role": "assistant", "content": "{}", "annotations": [], "parsed": {}},
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, "index": 0}]},
        {
            "role": "assistant",
            "annotations": None,
            "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{}", "parsed_arguments": {"a": 1}}}],
        },
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": "4", "reasoning": "2+2", "reasoning_content": "2+2"},
        content({"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}}),
    ],
)
def test_what_is_taken(message: dict[str, Any]) -> None:
    check_conversation(messages(message))


@pytest.mark.parametrize(
    "message",
    [
        {"role": "robot", "content": "x"},
        {"role": "user", "content": None},
        {"role": "user", "content": []},
        {"role": "user", "content": "x", "tool_calls": []},
        {"role": "assistant", "content": "x", "function_call": {"name": "f", "arguments": ""}},
        {"role": "assistant", "content": "x", "annotations": [{"type": "url_citation"}]},
        {"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]},
        {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]},
        {"role": "assistant", "tool_calls": [CALL] * 129},
        {"role": "tool", "content": "42"},
        content({"type": "text"}),
        content({"type": "text", "text": "x", "cache_control": {}}),
        content({"type": "image_url", "image_url": "data:,"}),
        content({"type": "image_url", "image_url": {"url": "data:,", "detail": "huge"}}),
        content({"type": "video", "video": {}}),
        content(*[{"type": "text", "text": "x"}] * 1001),
        {"role": "user", "content": "x", "name": ""},
    ],
    ids=repr,
)
def test_what_is_none_of_the_forms(message: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        messages(message)


@pytest.mark.parametrize(
    ("conversation", "code", "param"),
    [
        ([], "invalid_value", "messages"),
        ([USER, {"role": "assistant"}], "missing_required_parameter", "messages[1].content"),
        ([{"role": "assistant", "tool_calls": []}], "missing_required_parameter", "messages[0].content"),
        ([{"role": "assistant", "reasoning": "hm"}], "missing_required_parameter", "messages[0].content"),
        ([USER, RESULT], "invalid_value", "messages[1].tool_call_id"),
        ([RESULT, CALLS], "invalid_value", "messages[0].tool_call_id"),
        ([CALLS, {**RESULT, "tool_call_id": "c2"}], "invalid_value", "messages[1].tool_call_id"),
    ],
)
def test_a_conversation_that_makes_no_sense(conversation: list[dict[str, Any]], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_conversation(messages(*conversation))
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_result_may_come_late_and_twice() -> None:
    check_conversation(messages(CALLS, USER, RESULT, {"role": "assistant", "content": ""}, RESULT))


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1]", [1]),
        ("", ""),
        ('{"a": ', '{"a": '),
        (r'"\ud83d"', r'"\ud83d"'),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=["object", "array", "empty", "cut off", "half a character", "too deep"],
)
def test_the_arguments_of_a_call(arguments: str, value: Any) -> None:
    assert arguments_of(FunctionCall("f", arguments)) == value
