"""PydanticAI: an agent that is run, streamed, given tools, and asked for objects in two ways."""

from typing import Any, Literal

from openai import AsyncOpenAI
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelHTTPError, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from telling import API_KEY, BASE_URL, MODEL, tell

QUESTION = "What is the weather in Paris?"


class Person(BaseModel):
    """A person."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def agent(*, model: str = MODEL, key: str = API_KEY, output: Any = str, **settings: Any) -> Any:
    client = AsyncOpenAI(base_url=BASE_URL, api_key=key, max_retries=0)
    return Agent(
        OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client)),
        output_type=output,
        model_settings={"max_tokens": 24, "seed": 7, **settings},
    )


def chat() -> Any:
    first = agent().run_sync(QUESTION)
    second = agent().run_sync("Why?", message_history=first.all_messages())
    return {
        "text": first.output,
        "prompts": [run.usage.input_tokens for run in (first, second)],
        "again": second.output,
    }


def stream() -> Any:
    streamed = agent().run_stream_sync(QUESTION)
    return {
        "whole": agent().run_sync(QUESTION).output,
        "parts": list(streamed.stream_text(delta=True, debounce_by=None)),
    }


def tools() -> Any:
    seen = []

    def get_weather(city: Literal["Paris", "Oslo"]) -> str:
        """The weather in a city."""
        seen.append(city)
        return f"Sunny in {city}, 21 degrees"

    # What the function gives is the run's output: PydanticAI demands its call by itself.
    return {"output": agent(output=get_weather, max_tokens=64).run_sync(QUESTION).output, "seen": seen}


def structured_output() -> Any:
    asked = "Describe a person."
    return {
        "tool": agent(output=Person, max_tokens=64).run_sync(asked).output.model_dump(),
        "native": agent(output=NativeOutput(Person), max_tokens=64).run_sync(asked).output.model_dump(),
    }


def errors() -> Any:
    told = {}
    for name, fields, question in (
        ("key", {"key": "psk_wrong"}, QUESTION),
        ("model", {"model": "gpt-17"}, QUESTION),
        ("value", {"temperature": 3}, QUESTION),
        ("context", {}, "hello " * 9000),
    ):
        try:
            agent(**fields).run_sync(question)
        except ModelHTTPError as error:
            told[name] = [error.status_code, error.body["code"], error.body["param"]]
    return told


if __name__ == "__main__":
    tell(chat, stream, tools, structured_output, errors)
