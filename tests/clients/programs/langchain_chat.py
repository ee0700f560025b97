"""LangChain's ChatOpenAI: asked once, streamed, in a batch, with memory, with tools, for objects."""

from typing import Any, Literal

from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from openai import APIStatusError
from pydantic import BaseModel, Field
from telling import API_KEY, BASE_URL, MODEL, tell

QUESTION = "What is the weather in Paris?"


class Person(BaseModel):
    """A person."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


@tool
def get_weather(city: Literal["Paris", "Oslo"]) -> str:
    """The weather in a city."""
    return f"Sunny in {city}, 21 degrees"


@tool
def get_time(zone: Literal["UTC", "CET"]) -> str:
    """The time in a zone."""
    return f"12:00 {zone}"


def llm(**fields: Any) -> ChatOpenAI:
    given = {"model": MODEL, "base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "max_tokens": 24, "seed": 7}
    return ChatOpenAI(**{**given, **fields})


def chat() -> Any:
    answer = llm().invoke([("system", "You are brief."), ("human", QUESTION)])
    batch = llm().batch(["Say hello.", "Count to three.", QUESTION])
    return {
        "text": answer.content,
        "usage": answer.usage_metadata,
        "model": answer.response_metadata["model_name"],
        "finish_reason": answer.response_metadata["finish_reason"],
        "batch": [one.content for one in batch],
    }


def memory() -> Any:
    agent = create_agent(llm(), tools=[], checkpointer=InMemorySaver())
    kept: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("My name is Ada.")]}, kept)
    told = agent.invoke({"messages": [HumanMessage("What is my name?")]}, kept)["messages"]
    return {
        "kinds": [message.type for message in told],
        "prompts": [message.usage_metadata["input_tokens"] for message in told if message.type == "ai"],
    }


def stream() -> Any:
    chunks = list(llm(stream_usage=True).stream(QUESTION))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return {
        "whole": llm().invoke(QUESTION).content,
        "parts": [chunk.content for chunk in chunks if chunk.content],
        "usage": whole.usage_metadata,
    }


def tools() -> Any:
    both = llm(max_tokens=64).bind_tools([get_weather, get_time], tool_choice="any", parallel_tool_calls=False)
    asked = both.invoke(QUESTION)
    named = llm(max_tokens=64).bind_tools([get_weather, get_time], tool_choice="get_time").invoke(QUESTION)
    streamed = None
    for chunk in both.stream(QUESTION):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed is not None
    (call,) = asked.tool_calls
    result = (get_weather if call["name"] == "get_weather" else get_time).invoke(call["args"])
    after = llm().invoke([HumanMessage(QUESTION), asked, ToolMessage(result, tool_call_id=call["id"])])
    return {
        "any": [[one["name"], one["args"]] for one in asked.tool_calls],
        "streamed": [[one["name"], one["args"]] for one in streamed.tool_calls],
        "named": [one["name"] for one in named.tool_calls],
        "after": after.content,
    }


def structured_output() -> Any:
    small = llm(max_tokens=64)
    return {
        method: small.with_structured_output(Person, method=method).invoke("Describe a person.").model_dump()
        for method in ("json_schema", "function_calling")
    }


def errors() -> Any:
    told = {}
    for name, fields, question in (
        ("key", {"api_key": "psk_wrong"}, QUESTION),
        ("model", {"model": "gpt-17"}, QUESTION),
        ("value", {"temperature": 3}, QUESTION),
        ("context", {}, "hello " * 9000),
    ):
        try:
            llm(**fields).invoke(question)
        except APIStatusError as error:
            told[name] = [error.status_code, error.code, error.param, isinstance(error, ContextOverflowError)]
    return told


if __name__ == "__main__":
    tell(chat, memory, stream, tools, structured_output, errors)
