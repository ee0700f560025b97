"""Functions in words: what a model without tools in its template gets to read."""

import json
from typing import Any

import pytest

from penstock.inference.tool_prompt import in_words, with_definitions
from penstock.protocol.messages import (
    AssistantMessage,
    DeveloperMessage,
    FunctionCall,
    Message,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
    text_of,
)
from penstock.protocol.tools import Function, Tool, Toolbox, ToolChoice, toolbox

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
USER = UserMessage(content="What is the weather?")


def box(choice: ToolChoice | None = None, *names: str, parallel: bool = True) -> Toolbox:
    tools = [Tool(Function(name=name, description=f"About {name}.", parameters=PARAMETERS)) for name in names or "f"]
    made = toolbox(tools, choice, parallel=parallel)
    assert made is not None
    return made


def asked(arguments: str = '{"city": "Oslo"}', **fields: Any) -> AssistantMessage:
    return AssistantMessage(tool_calls=[ToolCall(id="c1", function=FunctionCall("f", arguments))], **fields)


def result(text: str) -> ToolMessage:
    return ToolMessage(content=text, tool_call_id="c1")


@pytest.mark.parametrize(
    ("messages", "begins"),
    [
        ([USER], "You can call"),
        ([SystemMessage(content="Be brief."), USER], "Be brief.\n\nYou can call"),
        ([DeveloperMessage(content="Be brief."), USER], "Be brief.\n\nYou can call"),
        ([SystemMessage(content=[TextPart("Be "), TextPart("brief.")]), USER], "Be brief.\n\nYou can call"),
    ],
    ids=["no system message", "system", "developer", "parts"],
)
def test_definitions_stand_in_the_system_message(messages: list[Message], begins: str) -> None:
    before = list(messages)
    system, *others = with_definitions(messages, box())
    assert type(system) is SystemMessage
    assert text_of(system.content).startswith(begins)
    assert others == [USER]
    assert messages == before, "the request itself is left as it is"


def test_a_definition_has_all_that_the_client_said_of_the_function() -> None:
    (system, _) = with_definitions([USER], box(None, "f", "g"))
    definitions = [json.loads(line) for line in text_of(system.content).splitlines() if line.startswith('{"name"')]
    assert definitions == [
        {"name": name, "description": f"About {name}.", "parameters": PARAMETERS} for name in ("f", "g")
    ]


@pytest.mark.parametrize(
    ("tools", "said", "unsaid"),
    [
        (box(None, "f", "g"), ["Several calls", "answer in words"], ["now."]),
        (box(None, "f", "g", parallel=False), ["answer in words"], ["Several calls"]),
        (box("required", "f", "g"), ["Call a function now."], ["answer in words"]),
        (box("required", "f"), ["Call f now."], ["answer in words"]),
    ],
    ids=["auto", "one at a time", "required", "the only one"],
)
def test_the_model_is_told_what_the_choice_is(tools: Toolbox, said: list[str], unsaid: list[str]) -> None:
    text = text_of(with_definitions([USER], tools)[0].content)
    assert all(part in text for part in said)
    assert not any(part in text for part in unsaid)


CALL = '<tool_call>{"name": "f", "arguments": {"city":"Oslo"}}</tool_call>'


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([USER], [("user", "What is the weather?")]),
        ([USER, asked()], [("user", "What is the weather?"), ("assistant", CALL)]),
        ([asked(content="Let me see.")], [("assistant", f"Let me see.\n{CALL}")]),
        ([result("Snow.")], [("user", "<tool_response>\nSnow.\n</tool_response>")]),
        (
            [asked(), result("Snow."), result("Rain."), USER],
            [
                ("assistant", CALL),
                ("user", "<tool_response>\nSnow.\n</tool_response>\n<tool_response>\nRain.\n</tool_response>"),
                ("user", "What is the weather?"),
            ],
        ),
        ([asked("{cut off")], [("assistant", '<tool_call>{"name": "f", "arguments": "{cut off"}</tool_call>')]),
    ],
    ids=["words", "call", "words and a call", "result", "two results", "arguments that are no JSON"],
)
def test_calls_and_results_become_text(messages: list[Message], told: list[tuple[str, str]]) -> None:
    given = in_words(messages)
    assert [(message.__struct_config__.tag, text_of(message.content)) for message in given] == told
    assert not any(isinstance(message, AssistantMessage) and message.tool_calls for message in given)


def test_reasoning_stays_beside_a_call() -> None:
    (message,) = in_words([asked(reasoning="hm", reasoning_content="hm")])
    assert isinstance(message, AssistantMessage)
    assert (message.reasoning, message.reasoning_content) == ("hm", "hm")
