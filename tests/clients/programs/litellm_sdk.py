"""LiteLLM's own functions, with the model named `openai/...`, against an OpenAI-compatible base URL."""

import json
from typing import Any

import litellm
import openai
from pydantic import BaseModel, Field
from telling import MODEL, tell

NAME = f"openai/{MODEL}"  # the base URL and the key come from OPENAI_BASE_URL and OPENAI_API_KEY
QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def function(name: str, argument: str, *values: str) -> Any:
    parameters = {
        "type": "object",
        "properties": {argument: {"type": "string", "enum": list(values)}},
        "required": [argument],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [function("get_weather", "city", "Paris", "Oslo"), function("get_time", "zone", "UTC", "CET")]


def ask(**fields: Any) -> Any:
    given = {"model": NAME, "messages": QUESTION, "max_tokens": 24, "seed": 7, "num_retries": 0, **fields}
    return litellm.completion(**given)


def chat() -> Any:
    answer = ask()
    said = answer.choices[0].message
    again = ask(messages=[*QUESTION, said.model_dump(), {"role": "user", "content": "Why?"}])
    return {
        "text": said.content,
        "finish_reason": answer.choices[0].finish_reason,
        "prompts": [answer.usage.prompt_tokens, again.usage.prompt_tokens],
        "again": again.choices[0].message.content,
    }


def stream() -> Any:
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks)
    return {
        "whole": ask().choices[0].message.content,
        "parts": [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content],
        "built": whole.choices[0].message.content,
        "completion_tokens": whole.usage.completion_tokens,
    }


def _calls(message: Any) -> list[Any]:
    return [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or []]


def tools() -> Any:
    demanded = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 64}
    asked = ask(**demanded).choices[0].message
    streamed = litellm.stream_chunk_builder(list(ask(**demanded, stream=True))).choices[0].message
    named = ask(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "get_time"}}, max_tokens=64)
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "Sunny, 21 degrees"}
    after = ask(messages=[*QUESTION, asked.model_dump(), result], tools=TOOLS, tool_choice="none")
    return {
        "required": _calls(asked),
        "streamed": _calls(streamed),
        "named": [name for name, _ in _calls(named.choices[0].message)],
        "after": after.choices[0].message.content,
    }


def structured_output() -> Any:
    answer = ask(response_format=Person, max_tokens=64)
    return Person.model_validate_json(answer.choices[0].message.content).model_dump()


def errors() -> Any:
    told = {}
    for name, fields in (
        ("key", {"api_key": "psk_wrong"}),
        ("model", {"model": "openai/gpt-17"}),
        ("value", {"temperature": 3}),
        ("context", {"messages": [{"role": "user", "content": "hello " * 9000}]}),
    ):
        try:
            ask(**fields)
        except openai.APIStatusError as error:  # LiteLLM's are the official client's, and say more
            told[name] = [type(error).__name__, error.status_code]
    return told


if __name__ == "__main__":
    tell(chat, stream, tools, structured_output, errors)
