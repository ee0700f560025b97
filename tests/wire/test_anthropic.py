"""Anthropic's own client against the real server with the real small model."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pydantic
import pytest
from running_server import SMOL, RunningServer

QUESTION: list[Any] = [{"role": "user", "content": "What is the most famous street in Paris?"}]
TOOLS: list[Any] = [
    {
        "name": "get_weather",
        "description": "The weather.",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo", "Lima"]}},
            "required": ["city"],
        },
    }
]


class Person(pydantic.BaseModel):
    name: str
    kind: bool


@pytest.fixture(scope="module")
def client(real_server: RunningServer) -> Iterator[anthropic.Anthropic]:
    """The client, which sends its key as x-api-key."""
    base_url = real_server.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base_url, api_key=real_server.key, max_retries=0, timeout=60) as client:
        yield client


def request(**fields: Any) -> dict[str, Any]:
    return {"model": SMOL, "messages": QUESTION, "max_tokens": 24, **fields}


def said(message: Any) -> list[Any]:
    """What is in a message, without its ids."""
    return [block.model_dump(exclude={"id", "parsed_output"}) for block in message.content]


def test_an_answer(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**request(system="You are brief.", extra_body={"temperature": 0.5}))
    assert message.id.startswith("msg_")
    assert (message.type, message.role, message.model) == ("message", "assistant", SMOL)
    (block,) = message.content
    assert block.type == "text"
    assert block.text
    assert message.stop_reason in {"end_turn", "max_tokens"}
    assert message.usage.output_tokens <= 24
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 20
    assert message._request_id is not None
    assert message.id == f"msg_{message._request_id.removeprefix('req_')}"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stop_sequences": ["the", "a"]},
        {"tools": TOOLS, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}, "max_tokens": 64},
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "get_weather"}, "max_tokens": 64},
        {"tools": TOOLS, "tool_choice": {"type": "none"}},
    ],
    ids=["text", "stop", "any", "tool", "none"],
)
def test_the_stream_says_the_same_as_the_whole(client: anthropic.Anthropic, fields: dict[str, Any]) -> None:
    fields = {"extra_body": {"seed": 11}, **fields}
    message = client.messages.create(**request(**fields))
    with client.messages.stream(**request(**fields)) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert said(streamed) == said(message)
    assert (streamed.stop_reason, streamed.stop_sequence) == (message.stop_reason, message.stop_sequence)
    assert streamed.usage == message.usage
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    if "stop_sequences" in fields:
        assert (message.stop_reason, message.stop_sequence) in {("stop_sequence", "the"), ("stop_sequence", "a")}
    if fields.get("tool_choice", {}).get("type") in ("any", "tool"):
        (call,) = message.content
        assert (call.type, call.name) == ("tool_use", "get_weather")
        assert call.input["city"] in {"Paris", "Oslo", "Lima"}
        assert message.stop_reason == "tool_use"


def test_a_tool_is_used_and_the_conversation_goes_on(client: anthropic.Anthropic) -> None:
    """The message goes back as it came, as objects of the client."""
    first = client.messages.create(**request(tools=TOOLS, tool_choice={"type": "any"}, max_tokens=64))
    call = first.content[0]
    assert call.type == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "Snow, 2 degrees."}]}
    turns = [*QUESTION, {"role": "assistant", "content": first.content}]
    results = [{**result, "tool_use_id": block.id} for block in first.content if block.type == "tool_use"]
    turns.append({"role": "user", "content": [*results, {"type": "text", "text": "So?"}]})
    second = client.messages.create(**request(messages=turns, tools=TOOLS))
    assert second.content
    turns.append({"role": "assistant", "content": [block.model_dump() for block in second.content]})
    assert client.messages.count_tokens(model=SMOL, messages=turns, tools=TOOLS).input_tokens > 100


def test_structured_output(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(**request(max_tokens=200, output_format=Person))
    assert isinstance(message.parsed_output, Person)


def test_counted_tokens_are_those_of_the_prompt(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model=SMOL, messages=QUESTION, system="You are brief.")
    message = client.messages.create(**request(system="You are brief.", max_tokens=1))
    assert counted.input_tokens == message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0)


# As a coding agent defines its tools: draft-07, with much that a grammar does not need to hold.
EDIT = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "file_path": {"type": "string", "description": "The absolute path"},
        "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 600000},
        "url": {"type": "string", "format": "uri"},
        "edits": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"old": {}}}},
        "env": {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "string"}},
    },
    "required": ["file_path"],
    "additionalProperties": False,
}
LONG_NAME = "mcp__a_server_with_a_long_name__and_a_tool_with_a_longer_one_still"


def test_a_coding_agents_request_gets_through(client: anthropic.Anthropic) -> None:
    """Blocks of system, marks for a cache, a dozen tools, betas, and a long user id."""
    cached = {"type": "ephemeral", "ttl": "1h"}
    tools: list[Any] = [{"name": f"Tool{at}", "description": "Does it.", "input_schema": EDIT} for at in range(12)]
    tools.append({"name": LONG_NAME, "input_schema": {"type": "object"}, "cache_control": cached})
    asked: dict[str, Any] = {
        "model": SMOL,
        "max_tokens": 8,
        "betas": ["claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27"],
        "system": [
            {"type": "text", "text": "You are an agent.", "cache_control": cached},
            {"type": "text", "text": "Be concise. " * 50, "cache_control": cached},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "<system-reminder>Nothing.</system-reminder>"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}]},
            {"role": "user", "content": [{"type": "text", "text": "List the files.", "cache_control": cached}]},
        ],
        "tools": tools,
        "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "session_id": "s" * 36})},
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "extra_body": {"temperature": 1},
    }
    with client.beta.messages.stream(**asked) as stream:
        message = stream.get_final_message()
    assert message.stop_reason in {"max_tokens", "end_turn", "tool_use"}
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 1000


def test_errors_are_the_clients_own(client: anthropic.Anthropic, real_server: RunningServer) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(**request(model="none"))
    assert missing.value.type == "not_found_error"
    assert missing.value.request_id is not None
    with pytest.raises(anthropic.AuthenticationError):
        client.with_options(api_key="psk_wrong").messages.create(**request())
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        client.messages.create(**request(messages=[{"role": "user", "content": "word " * 20_000}]))
    with pytest.raises(anthropic.BadRequestError, match="does not take thinking"):
        client.messages.create(**request(max_tokens=500, thinking={"type": "enabled", "budget_tokens": 100}))
