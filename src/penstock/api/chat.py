"""POST /v1/chat/completions: parse, run, render."""

from typing import Any

from penstock.api.chat_events import ChatEvents
from penstock.api.collect import collect
from penstock.api.credentials import Authenticator
from penstock.api.exchange import Exchange
from penstock.api.operation import OF_MODELS, Operation
from penstock.api.stream import EventStream
from penstock.inference.completion import Inference
from penstock.protocol.answer import ChatCompletion, encode
from penstock.protocol.chat import ChatRequest, parse_chat_request
from penstock.protocol.chat_chunk import ChatCompletionChunk
from penstock.tenants.keys import Caller

BODY_CAP = 16 << 20

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


def operation() -> Operation:
    """What this route tells of itself."""
    return Operation(
        name="createChatCompletion",
        method="POST",
        path="/v1/chat/completions",
        summary="Answer a conversation, whole or as a stream",
        request=ChatRequest,
        answer=ChatCompletion,
        event=ChatCompletionChunk,
        errors=OF_MODELS,
        examples=_EXAMPLES,
    )


class ChatCompletions:
    """The chat completions endpoint."""

    def __init__(self, authenticator: Authenticator, inference: Inference, *, ping_seconds: float) -> None:
        self._authenticator = authenticator
        self._inference = inference
        self._ping_seconds = ping_seconds

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller = await self._authenticator.caller(exchange.scope)
        request = parse_chat_request(await exchange.json_body(cap=BODY_CAP))
        async with exchange.while_connected():
            if request.stream:
                await self._stream(exchange, request, caller)
            else:
                async with self._inference.chat(
                    request, caller, request_id=exchange.request_id, delivery=exchange
                ) as completion:
                    answer = await collect(completion)
                await exchange.answer(200, encode(answer))

    async def _stream(self, exchange: Exchange, request: ChatRequest, caller: Caller) -> None:
        async with (
            # Outside, so that a request that waits for its turn is pinged too.
            EventStream(exchange, ping_seconds=self._ping_seconds) as stream,
            self._inference.chat(request, caller, request_id=exchange.request_id, delivery=exchange) as completion,
        ):
            await stream.send(completion, ChatEvents(completion, include_usage=request.include_usage))
