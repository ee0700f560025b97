"""POST /v1/messages and /v1/messages/count_tokens: parse, translate into a chat request, run, render."""

from functools import partial

from penstock.api.anthropic_events import PING, MessageEvents, read_message
from penstock.api.door import Door
from penstock.api.exchange import Exchange
from penstock.inference.completion import Inference
from penstock.protocol.answer import encode
from penstock.protocol.anthropic_answer import MessageAnswer, MessageEvent, TokenCount
from penstock.protocol.anthropic_blocks import TextBlock
from penstock.protocol.anthropic_chat import as_chat
from penstock.protocol.anthropic_errors import AnthropicEnvelope
from penstock.protocol.anthropic_request import (
    MessagesRequest,
    PromptRequest,
    parse_count_request,
    parse_messages_request,
)
from penstock.web.access import INFERENCE
from penstock.web.operation import OF_LIMITS, OF_MODELS, Operation

_PROMPT = {
    "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
_EXAMPLE = {**_PROMPT, "max_tokens": 16}


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    create = Operation(
        name="createMessage",
        method="POST",
        path="/v1/messages",
        access=INFERENCE,
        summary="Answer a conversation in the form of Anthropic's Messages API",
        request=MessagesRequest,
        untagged=(TextBlock,),
        answer=MessageAnswer,
        event=MessageEvent,
        done=False,
        errors=(*OF_MODELS, *OF_LIMITS),
        envelope=AnthropicEnvelope,
        examples={"whole": _EXAMPLE, "streamed": {**_EXAMPLE, "stream": True}},
    )
    count = Operation(
        name="countMessageTokens",
        method="POST",
        path="/v1/messages/count_tokens",
        access=INFERENCE,
        summary="Count the tokens of a prompt in the form of Anthropic's Messages API",
        request=PromptRequest,
        answer=TokenCount,
        errors=OF_MODELS,
        envelope=AnthropicEnvelope,
        examples={"count": _PROMPT},
    )
    return [create, count]


class Messages:
    """The messages endpoint, in Anthropic's form."""

    def __init__(self, door: Door, inference: Inference) -> None:
        self._door = door
        self._inference = inference

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller, request = await self._door.enter(exchange, parse_messages_request)
        chat, names = as_chat(request)
        request_id = exchange.request_id
        running = self._inference.chat(chat, caller, request_id=request_id, delivery=exchange)
        with names.in_errors():
            if chat.stream:
                await self._door.stream(exchange, running, partial(MessageEvents, request_id=request_id), ping=PING)
            else:
                await self._door.answer(exchange, running, partial(read_message, request_id=request_id))

    async def count_tokens(self, exchange: Exchange) -> None:
        """Answer how many tokens the prompt of a request would have."""
        caller, request = await self._door.enter(exchange, parse_count_request)
        chat, names = as_chat(request)
        with exchange.while_connected():
            with names.in_errors():
                tokens = await self._inference.count(chat, caller)
            await exchange.answer(200, encode(TokenCount(tokens)))
