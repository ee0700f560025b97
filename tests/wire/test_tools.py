"""Function calling with the official client and the real small model: on a template without tools, and on one with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from running_server import SMOL, RunningServer, serving
from wire.streamed import streamed, whole

from penstock.catalogue.models import folder_name

TEMPLATED = "tests/templated"
CONFIG = """
[[models]]
id = "{model}"
engine = "llama_cpp"
source = "file:{file}"
context_length = 2048
max_output = 256
slots = 2
chat_template = "{template}"
"""

CITIES = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo", "Lima"]}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
ZONES = {"type": "object", "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"]}}, "required": ["zone"]}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": CITIES}},
    {"type": "function", "function": {"name": "get_time", "description": "The time.", "parameters": ZONES}},
]
QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
NAMED = {"type": "function", "function": {"name": "get_time"}}


@pytest.fixture(scope="module")
def templated_server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The default model with a chat template that knows tools."""
    (file,) = (models_dir / folder_name(SMOL)).glob("*.gguf")
    template = Path(__file__).with_name("tools_template.jinja")
    config = CONFIG.format(model=TEMPLATED, file=file, template=template)
    with serving(tmp_path_factory.mktemp("templated"), "--model", TEMPLATED, config=config) as server:
        yield server


@pytest.fixture(params=["without tools in its template", "with tools in its template"])
def model(request: pytest.FixtureRequest) -> tuple[openai.OpenAI, str]:
    """A client and a model, once for each of the two ways."""
    if request.param.startswith("without"):
        server: RunningServer = request.getfixturevalue("real_server")
        return server.client(), SMOL
    server = request.getfixturevalue("templated_server")
    return server.client(), TEMPLATED


def check_call(name: str, arguments: str) -> None:
    """A call follows the schema of its function."""
    given = json.loads(arguments)
    if name == "get_weather":
        assert set(given) == {"city", "days"}
        assert given["city"] in {"Paris", "Oslo", "Lima"}
        assert type(given["days"]) is int
    else:
        assert name == "get_time"
        assert given["zone"] in {"UTC", "CET"}


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("choice", ["required", NAMED, "auto", "none"], ids=str)
def test_a_choice_is_kept_and_the_stream_says_the_same(
    model: tuple[openai.OpenAI, str], choice: Any, parallel: bool
) -> None:
    client, name = model
    request = {
        "model": name,
        "messages": QUESTION,
        "tools": TOOLS,
        "tool_choice": choice,
        "parallel_tool_calls": parallel,
        "max_tokens": 48,
        "seed": 3,
    }
    (answer,) = whole(client, **request)
    (stream,) = streamed(client, **request)
    assert (stream.content, stream.calls, stream.finish_reason) == (answer.content, answer.calls, answer.finish_reason)
    assert all(answer.ids)
    assert len(set(answer.ids)) == len(answer.ids)
    if choice in ("required", NAMED):
        assert answer.content == ""
        assert len(answer.calls) >= 1
        if answer.finish_reason == "tool_calls":  # else it was cut off by max_tokens in one of several calls
            for call in answer.calls:
                check_call(*call)
    if choice == NAMED:
        assert [called for called, _ in answer.calls] == ["get_time"]
    if choice == "none":
        assert answer.calls == []
    if not parallel or choice == NAMED:
        assert len(answer.calls) <= 1
        assert answer.finish_reason != "length" or not answer.calls


def earlier(cities: list[str]) -> list[Any]:
    """A conversation in which the function was called for each city."""
    messages: list[Any] = []
    for number, city in enumerate(cities):
        call = {"name": "get_weather", "arguments": json.dumps({"city": city, "days": 1})}
        messages += [
            {"role": "user", "content": f"What is the weather in {city}?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"call_{number}", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": f"call_{number}", "content": f"It is sunny in {city}."},
            {"role": "assistant", "content": f"It is sunny in {city}."},
        ]
    return messages


def test_left_to_itself_the_model_calls_where_it_always_did(model: tuple[openai.OpenAI, str]) -> None:
    """`auto`, by both ways: calls made by the model's own choice come as calls, streamed or not."""
    client, name = model
    messages = [*earlier(["Oslo", "Lima", "Oslo", "Lima"]), *QUESTION]
    for seed in range(8):
        request = {
            "model": name,
            "messages": messages,
            "tools": TOOLS[:1],
            "parallel_tool_calls": False,
            "temperature": 0.3,
            "max_tokens": 48,
            "seed": seed,
        }
        (answer,) = whole(client, **request)
        assert "<tool_call>" not in answer.content
        if answer.calls:
            (stream,) = streamed(client, **request)
            assert (stream.content, stream.calls) == (answer.content, answer.calls)
            assert answer.finish_reason == "tool_calls"
            check_call(*answer.calls[0])
            return
    raise AssertionError("the model made no call")


def test_a_call_is_answered_and_the_conversation_goes_on(model: tuple[openai.OpenAI, str]) -> None:
    client, name = model
    first = client.chat.completions.create(
        model=name, messages=QUESTION, tools=TOOLS[:1], tool_choice="required", parallel_tool_calls=False, max_tokens=48
    )
    message = first.choices[0].message
    assert message.tool_calls
    messages = [
        *QUESTION,
        message.to_dict(),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Snow, 2 degrees."},
    ]
    second = client.chat.completions.create(model=name, messages=messages, tools=TOOLS[:1], max_tokens=24)
    assert second.choices[0].finish_reason in {"stop", "length", "tool_calls"}
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.prompt_tokens > first.usage.prompt_tokens


def test_every_choice_makes_its_own_call(real_server: RunningServer) -> None:
    request = {
        "model": SMOL,
        "messages": QUESTION,
        "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "n": 3,
        "max_tokens": 48,
        "seed": 5,
    }
    answers = whole(real_server.client(), **request)
    streams = streamed(real_server.client(), **request)
    assert [answer.calls for answer in answers] == [stream.calls for stream in streams]
    assert len({call_id for answer in answers for call_id in answer.ids}) == 3
    for answer in answers:
        check_call(*answer.calls[0])


def test_tools_and_a_schema_together_give_a_call_or_the_schema(model: tuple[openai.OpenAI, str]) -> None:
    client, name = model
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    answered = client.chat.completions.create(
        model=name, messages=QUESTION, tools=TOOLS, parallel_tool_calls=False, response_format=wanted, max_tokens=48
    )
    choice = answered.choices[0]
    if choice.message.tool_calls:
        call: Any = choice.message.tool_calls[0]
        check_call(call.function.name, call.function.arguments)
    else:
        assert set(json.loads(choice.message.content or "")) == {"ok"}


def test_a_model_without_grammar_says_that_it_takes_no_tools(echo_server: RunningServer) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        echo_server.client().chat.completions.create(model="echo", messages=QUESTION, tools=TOOLS)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "tools")
