"""Answers in JSON, held to it by the engine's grammar, and token probabilities: official client, real small model."""

import json
from typing import Any

import openai
import pydantic
import pytest
from running_server import SMOL, RunningServer
from wire.streamed import streamed, whole

QUESTION: list[Any] = [{"role": "user", "content": "Describe a person."}]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
        "tags": {"type": "array", "items": {"enum": ["tall", "kind"]}, "maxItems": 2},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}


def of_schema(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}


@pytest.mark.parametrize("n", [1, 3])
def test_an_answer_follows_its_schema_and_the_stream_says_the_same(real_server: RunningServer, n: int) -> None:
    request = {
        "model": SMOL,
        "messages": QUESTION,
        "response_format": of_schema(SCHEMA),
        "temperature": 1.5,
        "max_tokens": 64,
        "seed": 11,
        "n": n,
    }
    answers = whole(real_server.client(), **request)
    assert [answer.content for answer in streamed(real_server.client(), **request)] == [a.content for a in answers]
    for answer in answers:
        assert answer.finish_reason == "stop"
        person = json.loads(answer.content)
        assert set(person) == {"name", "age", "tags"}
        assert len(person["name"]) <= 12
        assert 1 <= person["age"] <= 99
        assert set(person["tags"]) <= {"tall", "kind"}


def test_json_mode_begins_an_object(real_server: RunningServer) -> None:
    request = {
        "model": SMOL,
        "messages": QUESTION,
        "response_format": {"type": "json_object"},
        "max_tokens": 96,
        "seed": 3,
    }
    (answer,) = whole(real_server.client(), **request)
    assert answer.content.startswith("{")
    if answer.finish_reason == "stop":
        assert isinstance(json.loads(answer.content), dict)


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=12)
    kind: bool


def test_the_clients_own_parsing_of_models(real_server: RunningServer) -> None:
    completion = real_server.client().chat.completions.parse(
        model=SMOL, messages=QUESTION, response_format=Person, max_tokens=64
    )
    assert isinstance(completion.choices[0].message.parsed, Person)


@pytest.mark.parametrize("asked", [{"response_format": Person}, {"tools": [openai.pydantic_function_tool(Person)]}])
def test_what_the_client_parsed_goes_back_in_the_next_turn(real_server: RunningServer, asked: dict[str, Any]) -> None:
    client = real_server.client()
    once: Any = {"tool_choice": "required", "parallel_tool_calls": False} if "tools" in asked else {}
    first = client.chat.completions.parse(model=SMOL, messages=QUESTION, max_tokens=64, **asked, **once)
    answer = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "Done."} for call in answer.tool_calls or []]
    assert bool(results) is ("tools" in asked)
    messages: Any = [*QUESTION, answer.model_dump(warnings=False), *results]
    assert client.chat.completions.create(model=SMOL, messages=messages, max_tokens=2).choices


@pytest.mark.parametrize(
    ("schema", "param"),
    [
        ({"type": "object", "not": {"type": "null"}}, "response_format.json_schema.schema.not"),
        ({"$ref": "https://example.com/schema"}, "response_format.json_schema.schema.$ref"),
    ],
)
def test_a_schema_that_cannot_be_enforced_is_refused(real_server: RunningServer, schema: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        real_server.client().chat.completions.create(
            model=SMOL, messages=QUESTION, response_format=of_schema(schema), max_tokens=8
        )
    assert refused.value.code == "invalid_value"
    assert refused.value.param is not None
    assert refused.value.param.startswith(param)


@pytest.mark.parametrize("extra", [{}, {"stop": ["a"]}])
def test_probabilities_belong_to_the_text_that_was_given(real_server: RunningServer, extra: dict[str, Any]) -> None:
    request = {
        "model": SMOL,
        "messages": QUESTION,
        "logprobs": True,
        "top_logprobs": 3,
        "max_tokens": 24,
        "seed": 2,
        **extra,
    }
    completion = real_server.client().chat.completions.create(**request)
    choice = completion.choices[0]
    tokens = choice.logprobs.content
    given = b"".join(bytes(token.bytes) for token in tokens).decode(errors="ignore")
    assert choice.message.content.startswith(given)  # the token in which a stop string began is left out
    assert extra or given == choice.message.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens)
    (stream,) = streamed(real_server.client(), **request)
    assert stream.tokens == [token.token for token in tokens]


def test_probabilities_alone_come_without_alternatives(real_server: RunningServer) -> None:
    completion = real_server.client().chat.completions.create(
        model=SMOL, messages=QUESTION, logprobs=True, max_tokens=4
    )
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    assert all(token.top_logprobs == [] for token in logprobs.content)
