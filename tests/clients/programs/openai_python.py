"""The official Python client, 1.x or current, as its README uses it."""

import json
import time
from typing import Any

import openai
from openai import OpenAI
from pydantic import BaseModel, Field
from telling import MODEL, tell

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME: Any = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The time in a city",
        "parameters": {
            "type": "object",
            "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"]}},
            "required": ["zone"],
            "additionalProperties": False,
        },
    },
}
QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def ask(**fields: Any) -> Any:
    given = {"model": MODEL, "messages": QUESTION, "max_tokens": 24, "seed": 7, **fields}
    with OpenAI(max_retries=0) as client:
        return client.chat.completions.create(**given)


def chat() -> Any:
    answer = ask(n=2, logprobs=True, top_logprobs=2)
    return {
        "texts": [choice.message.content for choice in answer.choices],
        "tokens": [len(choice.logprobs.content) for choice in answer.choices],
        "alternatives": len(answer.choices[0].logprobs.content[0].top_logprobs),
        "usage": answer.usage.to_dict(),
    }


def stream() -> Any:
    whole = ask().choices[0].message.content
    parts, usage = [], None
    with OpenAI(max_retries=0) as client:
        for chunk in client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=24,
            seed=7,
            stream=True,
            stream_options={"include_usage": True},
        ):
            parts += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            usage = chunk.usage or usage
    assert usage is not None
    return {"whole": whole, "parts": parts, "completion_tokens": usage.completion_tokens}


def _calls(answer: Any) -> list[Any]:
    return [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in answer.choices[0].message.tool_calls or []
    ]


def tools() -> Any:
    both = [WEATHER, TIME]
    required = ask(tools=both, tool_choice="required", parallel_tool_calls=False, max_tokens=64)
    named = ask(tools=both, tool_choice={"type": "function", "function": {"name": "get_time"}}, max_tokens=64)
    auto = ask(tools=both, max_tokens=64)
    parallel = ask(tools=both, tool_choice="required", max_tokens=128)
    asked = required.choices[0].message
    after = ask(
        messages=[
            *QUESTION,
            asked.to_dict(),
            {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "Sunny, 21 degrees"},
        ],
        tools=both,
        tool_choice="none",
    )
    return {
        "required": _calls(required),
        "finish_reason": required.choices[0].finish_reason,
        "named": _calls(named),
        "auto": {"calls": _calls(auto), "text": auto.choices[0].message.content},
        "parallel": {"calls": _calls(parallel), "finish_reason": parallel.choices[0].finish_reason},
        "after": after.choices[0].message.content,
    }


def streamed_tools() -> Any:
    with OpenAI(max_retries=0) as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            tools=[WEATHER],
            tool_choice="required",
            parallel_tool_calls=False,
            max_tokens=64,
            seed=7,
            stream=True,
        )
        pieces = [call for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or []]
    return {
        "names": [piece.function.name for piece in pieces if piece.function.name],
        "ids": [piece.id for piece in pieces if piece.id],
        "pieces": [piece.function.arguments or "" for piece in pieces],
    }


def structured_output() -> Any:
    with OpenAI(max_retries=0) as client:
        parse = getattr(client.chat.completions, "parse", None) or client.beta.chat.completions.parse
        answer = parse(model=MODEL, messages=QUESTION, response_format=Person, max_tokens=64, seed=7)
        person = answer.choices[0].message.parsed
        call = parse(
            model=MODEL,
            messages=QUESTION,
            tools=[openai.pydantic_function_tool(Person)],
            tool_choice="required",
            parallel_tool_calls=False,
            max_tokens=64,
            seed=7,
        )
    (parsed,) = call.choices[0].message.tool_calls
    return {"parsed": person.model_dump(), "tool": parsed.function.parsed_arguments.model_dump()}


def batch() -> Any:
    """A batch from a list to its answers, beside one that is cancelled; with the client's own pages."""
    requests = [
        {
            "custom_id": f"river-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": MODEL, "messages": QUESTION, "max_tokens": 8 if number else 0},
        }
        for number in range(4)
    ]
    window: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    with OpenAI(max_retries=0) as client:
        lines = "".join(json.dumps(request) + "\n" for request in requests).encode()
        file = client.files.create(file=("rivers.jsonl", lines), purpose="batch")
        made = client.batches.create(input_file_id=file.id, **window, metadata={"for": "rivers"})
        other = client.batches.create(input_file_id=file.id, **window)
        cancelling = client.batches.cancel(other.id)
        while (now := client.batches.retrieve(made.id)).status not in ("completed", "failed", "expired", "cancelled"):
            time.sleep(0.2)
        output, error = (client.files.content(id_ or "") for id_ in (now.output_file_id, now.error_file_id))
        listed = [each.id for each in client.batches.list(limit=1)][:2]
        files = [each.id for each in client.files.list(purpose="batch", limit=1)][:1]
        deleted = client.files.delete(file.id)
        try:
            client.files.retrieve(file.id)
        except openai.NotFoundError as raised:
            gone = raised.code
    return {
        "file": file.to_dict(),
        "sent": len(lines),
        "made": made.to_dict(),
        "cancelling": cancelling.status,
        "over": now.to_dict(),
        "answered": [json.loads(line) for line in output.text.splitlines()],
        "failed": [json.loads(line) for line in error.iter_lines()],
        "listed": listed == [other.id, made.id],
        "files": files == [file.id],
        "deleted": deleted.deleted,
        "gone": gone,
    }


def errors() -> Any:
    told = {}
    cases: dict[str, dict[str, Any]] = {
        "key": {"api_key": "psk_wrong"},
        "model": {"model": "gpt-17"},
        "value": {"temperature": 3},
        "context": {"messages": [{"role": "user", "content": "hello " * 9000}]},
        "tool": {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "nobody"}}},
    }
    for name, fields in cases.items():
        key = fields.pop("api_key", None)
        given = {"model": MODEL, "messages": QUESTION, "max_tokens": 8, **fields}
        with OpenAI(api_key=key, max_retries=0) as client:
            try:
                client.chat.completions.create(**given)
            except openai.APIStatusError as error:
                told[name] = [type(error).__name__, error.status_code, error.code, error.param]
    return told


if __name__ == "__main__":
    tell(chat, stream, tools, streamed_tools, structured_output, batch, errors)
