"""LlamaIndex's OpenAILike: completed, chatted with, streamed, given tools, asked for objects."""

from typing import Any, Literal

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from openai import APIStatusError
from pydantic import BaseModel, Field
from telling import API_KEY, BASE_URL, MODEL, tell

QUESTION = ChatMessage(role="user", content="What is the weather in Paris?")


class Person(BaseModel):
    """A person."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def get_weather(city: Literal["Paris", "Oslo"]) -> str:
    """The weather in a city."""
    return f"Sunny in {city}, 21 degrees"


def llm(**fields: Any) -> OpenAILike:
    given: dict[str, Any] = {
        "model": MODEL,
        "api_base": BASE_URL,
        "api_key": API_KEY,
        "is_chat_model": True,
        "is_function_calling_model": True,
        "should_use_structured_outputs": True,
        "context_window": 8192,
        "max_tokens": 24,
        "max_retries": 0,
        "additional_kwargs": {"seed": 7},
    }
    return OpenAILike(**{**given, **fields})


def chat() -> Any:
    answer = llm().chat([QUESTION])
    again = llm().chat([QUESTION, answer.message, ChatMessage(role="user", content="Why?")])
    return {
        "text": answer.message.content,
        "again": again.message.content,
        "prompts": [one.raw.usage.prompt_tokens for one in (answer, again)],
        "completed": llm().complete("Say hello.").text,
    }


def stream() -> Any:
    parts = [chunk.delta for chunk in llm().stream_chat([QUESTION])]
    return {"whole": llm().chat([QUESTION]).message.content, "parts": parts}


def tools() -> Any:
    small = llm(max_tokens=64)
    weather = FunctionTool.from_defaults(get_weather)
    answer = small.chat_with_tools([weather], user_msg=QUESTION, tool_required=True)
    calls = small.get_tool_calls_from_response(answer)
    done = small.predict_and_call([weather], user_msg=QUESTION, tool_required=True)
    return {
        "calls": [[call.tool_name, call.tool_kwargs] for call in calls],
        "done": str(done),
    }


def structured_output() -> Any:
    asked = [ChatMessage(role="user", content="Describe a person.")]
    small = llm(max_tokens=64)
    by_tool = llm(max_tokens=64, should_use_structured_outputs=False)
    return {
        "schema": small.as_structured_llm(Person).chat(asked).raw.model_dump(),
        "tool": by_tool.as_structured_llm(Person).chat(asked).raw.model_dump(),
    }


def errors() -> Any:
    told = {}
    for name, fields, question in (
        ("key", {"api_key": "psk_wrong"}, QUESTION),
        ("model", {"model": "gpt-17"}, QUESTION),
        ("value", {"additional_kwargs": {"presence_penalty": 3}}, QUESTION),
        ("context", {}, ChatMessage(role="user", content="hello " * 9000)),
    ):
        try:
            llm(**fields).chat([question])
        except APIStatusError as error:
            told[name] = [type(error).__name__, error.status_code, error.code, error.param]
    return told


if __name__ == "__main__":
    tell(chat, stream, tools, structured_output, errors)
