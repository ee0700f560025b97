"""Functions in words: their definitions, calls and results as plain text, for models whose template knows no tools.

The words are those that most open models with tools were trained on: `<tool_call>` and `<tool_response>` around JSON.
"""

import msgspec

from penstock.protocol.messages import (
    AssistantMessage,
    DeveloperMessage,
    FunctionCall,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
    arguments_of,
    text_of,
)
from penstock.protocol.tools import Toolbox

OPEN, CLOSE = "<tool_call>", "</tool_call>"

_HOW = f"""
To call a function, answer with its call alone, in this form:
{OPEN}{{"name": "the function's name", "arguments": {{"argument": "value"}}}}{CLOSE}"""


def with_definitions(messages: list[Message], tools: Toolbox) -> list[Message]:
    """The messages with the definitions in their system message, which is made where there is none."""
    text = _definitions(tools)
    first = messages[0]
    if isinstance(first, SystemMessage | DeveloperMessage) and not isinstance(first, UserMessage):
        return [SystemMessage(content=f"{text_of(first.content)}\n\n{text}"), *messages[1:]]
    return [SystemMessage(content=text), *messages]


def _definitions(tools: Toolbox) -> str:
    lines = ["You can call these functions. Each is given with the JSON schema of its arguments:"]
    for function in tools.functions:
        definition = {"name": function.name, "description": function.description, "parameters": function.parameters}
        lines.append(msgspec.json.encode({key: value for key, value in definition.items() if value}).decode())
    lines.append(_HOW)
    if tools.parallel:
        lines.append("Several calls stand one below the other.")
    if not tools.must_call:
        lines.append("Where no function is needed, answer in words.")
    elif len(tools.functions) == 1:
        lines.append(f"Call {tools.functions[0].name} now.")
    else:
        lines.append("Call a function now.")
    return "\n".join(lines)


def in_words(messages: list[Message]) -> list[Message]:
    """The messages with every call and every result of a function as text; results that follow each other are one."""
    told: list[Message] = []
    results: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            results.append(f"<tool_response>\n{text_of(message.content)}\n</tool_response>")
            continue
        if results:
            told.append(UserMessage(content="\n".join(results)))
            results = []
        told.append(_told(message))
    if results:
        told.append(UserMessage(content="\n".join(results)))
    return told


def _told(message: Message) -> Message:
    if not isinstance(message, AssistantMessage) or not message.tool_calls:
        return message
    said = text_of(message.content)
    calls = [_call(call.function) for call in message.tool_calls]
    return AssistantMessage(
        content="\n".join(filter(None, [said, *calls])),
        reasoning=message.reasoning,
        reasoning_content=message.reasoning_content,
    )


def _call(call: FunctionCall) -> str:
    arguments = msgspec.json.encode(arguments_of(call)).decode()
    return f'{OPEN}{{"name": "{call.name}", "arguments": {arguments}}}{CLOSE}'
