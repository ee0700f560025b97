"""The official client's `responses` against the real server with the real small model."""

import json
from typing import Any

import openai
import pydantic
import pytest
from running_server import SMOL, RunningServer

QUESTION = "What is the most famous street in Paris?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo", "Lima"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: list[Any] = [
    {"type": "function", "name": "get_weather", "description": "The weather.", "parameters": CITY, "strict": True}
]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "kind": {"type": "boolean"}},
    "required": ["name", "kind"],
    "additionalProperties": False,
}


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=12)
    kind: bool


def create(server: RunningServer, **fields: Any) -> Any:
    """A whole response."""
    return server.client().responses.create(**{"model": SMOL, "input": QUESTION, "max_output_tokens": 24, **fields})


def said(response: Any) -> list[Any]:
    """What is in a response, without its ids."""
    return [item.model_dump(exclude={"id", "call_id", "parsed_arguments"}) for item in response.output]


def stream(server: RunningServer, **fields: Any) -> tuple[list[Any], Any]:
    """The events, and the response that the last of them brings."""
    request = {"model": SMOL, "input": QUESTION, "max_output_tokens": 24, **fields}
    events = list(server.client().responses.create(**request, stream=True))
    return events, events[-1].response


def check_order(events: list[Any]) -> None:
    """Numbered without a gap, and what the deltas add up to is what the end of each item says."""
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[0].response.status == "in_progress"
    grown: dict[int, str] = {}
    for event in events:
        if event.type.endswith(".delta"):
            grown[event.output_index] = grown.get(event.output_index, "") + event.delta
        elif event.type == "response.output_text.done":
            assert event.text == grown.get(event.output_index, "")
        elif event.type == "response.function_call_arguments.done":
            assert event.arguments == grown[event.output_index]
    added = [event.output_index for event in events if event.type == "response.output_item.added"]
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert added == list(range(len(added)))
    assert [item.to_dict() for item in done] == [item.to_dict() for item in events[-1].response.output]


def test_an_answer(real_server: RunningServer) -> None:
    response = create(real_server, instructions="You are brief.", temperature=0.5, metadata={"a": "b"})
    assert response.output_text
    assert response.object == "response"
    assert response.id.startswith("resp_")
    assert (response.model, response.instructions, response.temperature) == (SMOL, "You are brief.", 0.5)
    assert response.metadata == {"a": "b"}
    assert response.usage.input_tokens > 20
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.input_tokens_details.cached_tokens >= 0
    assert response.usage.output_tokens_details.reasoning_tokens == 0
    if response.status == "incomplete":
        assert response.usage.output_tokens == 24
        assert response.incomplete_details.reason == "max_output_tokens"
        assert response.output[-1].status == "incomplete"


def test_it_is_the_chat_endpoint_in_other_words(real_server: RunningServer) -> None:
    response = create(real_server, instructions="You are brief.", extra_body={"seed": 7})
    chat = real_server.client().chat.completions.create(
        model=SMOL,
        messages=[{"role": "system", "content": "You are brief."}, {"role": "user", "content": QUESTION}],
        max_completion_tokens=24,
        seed=7,
    )
    assert response.output_text == chat.choices[0].message.content
    assert chat.usage is not None
    assert response.usage.input_tokens == chat.usage.prompt_tokens


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"max_output_tokens": 200, "text": {"format": {"type": "json_schema", "name": "person", "schema": PERSON}}},
        {"text": {"format": {"type": "json_object"}}},
        {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False},
        {"tools": TOOLS, "tool_choice": {"type": "function", "name": "get_weather"}},
        {"tools": TOOLS, "tool_choice": "none"},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2, "max_output_tokens": 8},
    ],
    ids=["text", "schema", "json", "required", "named", "none", "logprobs"],
)
def test_the_stream_says_the_same_as_the_whole(real_server: RunningServer, fields: dict[str, Any]) -> None:
    fields = {"extra_body": {"seed": 11}, **fields}
    response = create(real_server, **fields)
    events, streamed = stream(real_server, **fields)
    check_order(events)
    assert said(streamed) == said(response)
    assert streamed.status == response.status
    assert streamed.usage.output_tokens == response.usage.output_tokens
    assert events[-1].type == f"response.{response.status}"


def test_the_clients_own_stream_joins_to_the_response(real_server: RunningServer) -> None:
    with real_server.client().responses.stream(
        model=SMOL, input=QUESTION, text_format=Person, max_output_tokens=200
    ) as manager:
        snapshots = [event.snapshot for event in manager if event.type == "response.output_text.delta"]
        final = manager.get_final_response()
    assert snapshots[-1] == final.output_text
    assert isinstance(final.output_parsed, Person)


def test_the_clients_own_parsing_of_models(real_server: RunningServer) -> None:
    response = real_server.client().responses.parse(
        model=SMOL, input=QUESTION, text_format=Person, max_output_tokens=200
    )
    assert isinstance(response.output_parsed, Person)


def test_a_call_is_answered_and_the_conversation_goes_on(real_server: RunningServer) -> None:
    """The output goes back as it came, as objects of the client."""
    conversation: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False, "max_output_tokens": 64}
    first = create(real_server, input=conversation, **asked)
    (call,) = first.output
    assert (call.type, call.name, call.status) == ("function_call", "get_weather", "completed")
    assert json.loads(call.arguments)["city"] in {"Paris", "Oslo", "Lima"}
    assert call.id.startswith("fc_")
    conversation += first.output
    conversation += [{"type": "function_call_output", "call_id": call.call_id, "output": "Snow, 2 degrees."}]
    second = create(real_server, input=conversation, tools=TOOLS)
    assert second.usage.input_tokens > first.usage.input_tokens
    conversation += [item.model_dump() for item in second.output]
    conversation += [{"role": "user", "content": [{"type": "input_text", "text": "Thank you."}]}]
    assert create(real_server, input=conversation, tools=TOOLS).output


def test_probabilities_belong_to_the_text(real_server: RunningServer) -> None:
    response = create(real_server, include=["message.output_text.logprobs"], top_logprobs=3, max_output_tokens=6)
    (part,) = response.output[0].content
    assert "".join(token.token for token in part.logprobs) == part.text
    assert all(len(token.top_logprobs) == 3 for token in part.logprobs)


def test_what_does_not_fit_is_told_in_the_words_of_this_api(real_server: RunningServer) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(real_server, input="word " * 20_000)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    with pytest.raises(openai.BadRequestError) as refused:
        create(real_server, max_output_tokens=100_000)
    assert refused.value.param == "max_output_tokens"
    assert "max_output_tokens is 100000" in refused.value.message
    with pytest.raises(openai.BadRequestError) as refused:
        create(real_server, reasoning={"effort": "low"})
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "reasoning.effort")
