"""POST /v1/chat/completions: parse, run, render."""

from dataclasses import replace
from functools import partial
from typing import Any

from penstock.api.chat_events import ChatEvents
from penstock.api.door import Door
from penstock.api.exchange import Exchange
from penstock.inference.collect import collect_chat
from penstock.inference.completion import Inference
from penstock.protocol.answer import ChatCompletion
from penstock.protocol.chat import ChatRequest, parse_chat_request
from penstock.protocol.chat_chunk import ChatCompletionChunk
from penstock.web.access import ACTING, INFERENCE
from penstock.web.operation import OF_LIMITS, OF_MODELS, Operation

_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}},
    "required": ["city"],
    "additionalProperties": False,
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "whole": {
        "model": _MODEL,
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "max_completion_tokens": 32,
    },
    "streamed": {
        "model": _MODEL,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}],
        "max_completion_tokens": 16,
        "temperature": 0.7,
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "tools": {
        "model": _MODEL,
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        "max_completion_tokens": 64,
        "tools": [
            {
                "type": "function",
                "function": {"name": "get_weather", "description": "The weather.", "parameters": _PARAMETERS},
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    "json": {
        "model": _MODEL,
        "messages": [{"role": "user", "content": "Name a city."}],
        "max_completion_tokens": 32,
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": _PARAMETERS}},
    },
}


PLAYGROUND = "/api/chat/completions"
"""The same, for who is signed in to the console."""


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    operation = Operation(
        name="createChatCompletion",
        method="POST",
        path="/v1/chat/completions",
        access=INFERENCE,
        summary="Answer a conversation, whole or as a stream",
        request=ChatRequest,
        answer=ChatCompletion,
        event=ChatCompletionChunk,
        errors=(*OF_MODELS, *OF_LIMITS),
        examples=_EXAMPLES,
    )
    return [operation, replace(operation, name="tryChat", path=PLAYGROUND, access=ACTING, examples={})]


class ChatCompletions:
    """The chat completions endpoint."""

    def __init__(self, door: Door, inference: Inference, *, timed: bool = False) -> None:
        """`timed`: whether a stream ends with where its time went."""
        self._door = door
        self._inference = inference
        self._timed = timed

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller, request = await self._door.enter(exchange, parse_chat_request)
        running = self._inference.chat(request, caller, request_id=exchange.request_id, delivery=exchange)
        if request.stream:
            events = partial(ChatEvents, include_usage=request.include_usage, timed=self._timed)
            await self._door.stream(exchange, running, events)
        else:
            await self._door.answer(exchange, running, collect_chat)
