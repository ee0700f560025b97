"""POST /v1/responses: parse, translate into a chat request, run, render."""

from penstock.api.blocks import read_blocks
from penstock.api.chat import BODY_CAP
from penstock.api.credentials import Authenticator
from penstock.api.exchange import Exchange
from penstock.api.operation import OF_MODELS, Operation
from penstock.api.responses_events import ResponseEvents
from penstock.api.responses_render import ResponseRenderer
from penstock.api.stream import EventStream
from penstock.inference.completion import Inference
from penstock.protocol.answer import encode
from penstock.protocol.chat import ChatRequest
from penstock.protocol.responses_answer import Response, ResponseEvent
from penstock.protocol.responses_chat import as_chat
from penstock.protocol.responses_items import MessageItem
from penstock.protocol.responses_request import ResponsesRequest, parse_responses_request
from penstock.tenants.keys import Caller

_EXAMPLE = {
    "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "input": "What is the capital of France?",
    "instructions": "Be brief.",
    "max_output_tokens": 16,
}


def operation() -> Operation:
    """What this route tells of itself."""
    return Operation(
        name="createResponse",
        method="POST",
        path="/v1/responses",
        summary="Answer a conversation in the form of the Responses API, without keeping it",
        request=ResponsesRequest,
        untagged=(MessageItem,),
        answer=Response,
        event=ResponseEvent,
        done=False,
        errors=OF_MODELS,
        examples={"whole": _EXAMPLE, "streamed": {**_EXAMPLE, "stream": True}},
    )


class Responses:
    """The responses endpoint. Nothing is kept: a response can not be asked for again."""

    def __init__(self, authenticator: Authenticator, inference: Inference, *, ping_seconds: float) -> None:
        self._authenticator = authenticator
        self._inference = inference
        self._ping_seconds = ping_seconds

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller = await self._authenticator.caller(exchange.scope)
        request = parse_responses_request(await exchange.json_body(cap=BODY_CAP))
        translated = as_chat(request)
        renderer = ResponseRenderer(request, request_id=exchange.request_id)
        async with exchange.while_connected():
            with translated.names.in_errors():
                if request.stream:
                    await self._stream(exchange, translated.chat, caller, renderer)
                else:
                    await self._answer(exchange, translated.chat, caller, renderer)

    async def _answer(self, exchange: Exchange, chat: ChatRequest, caller: Caller, renderer: ResponseRenderer) -> None:
        async with self._inference.chat(chat, caller, request_id=exchange.request_id, delivery=exchange) as completion:
            blocks = await read_blocks(completion)
        await exchange.answer(200, encode(renderer.ended(blocks, completion.usage)))

    async def _stream(self, exchange: Exchange, chat: ChatRequest, caller: Caller, renderer: ResponseRenderer) -> None:
        exchange.errors = events = ResponseEvents(renderer)
        async with (
            EventStream(exchange, ping_seconds=self._ping_seconds) as stream,
            self._inference.chat(chat, caller, request_id=exchange.request_id, delivery=exchange) as completion,
        ):
            await stream.send(completion, events)
