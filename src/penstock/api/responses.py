"""POST /v1/responses: parse, translate into a chat request, run, render."""

from penstock.api.door import Door
from penstock.api.exchange import Exchange
from penstock.api.responses_events import ResponseEvents
from penstock.api.responses_render import ResponseRenderer
from penstock.inference.completion import Inference
from penstock.protocol.responses_answer import Response, ResponseEvent
from penstock.protocol.responses_chat import as_chat
from penstock.protocol.responses_items import MessageItem
from penstock.protocol.responses_request import ResponsesRequest, parse_responses_request
from penstock.web.access import INFERENCE
from penstock.web.operation import OF_LIMITS, OF_MODELS, Operation

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
        access=INFERENCE,
        summary="Answer a conversation in the form of the Responses API, without keeping it",
        request=ResponsesRequest,
        untagged=(MessageItem,),
        answer=Response,
        event=ResponseEvent,
        done=False,
        errors=(*OF_MODELS, *OF_LIMITS),
        examples={"whole": _EXAMPLE, "streamed": {**_EXAMPLE, "stream": True}},
    )


class Responses:
    """The responses endpoint. Nothing is kept: a response cannot be asked for again."""

    def __init__(self, door: Door, inference: Inference) -> None:
        self._door = door
        self._inference = inference

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller, request = await self._door.enter(exchange, parse_responses_request)
        chat, names = as_chat(request)
        renderer = ResponseRenderer(request, request_id=exchange.request_id)
        running = self._inference.chat(chat, caller, request_id=exchange.request_id, delivery=exchange)
        with names.in_errors():
            if chat.stream:
                exchange.errors = events = ResponseEvents(renderer)
                await self._door.stream(exchange, running, lambda _: events)
            else:
                await self._door.answer(exchange, running, renderer.read)
