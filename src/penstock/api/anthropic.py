"""POST /v1/messages and /v1/messages/count_tokens: parse, translate into a chat request, run, render."""

from penstock.api.anthropic_events import PING, MessageEvents, message
from penstock.api.blocks import read_blocks
from penstock.api.chat import BODY_CAP
from penstock.api.credentials import Authenticator
from penstock.api.exchange import Exchange
from penstock.api.operation import OF_MODELS, Operation
from penstock.api.stream import EventStream
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
from penstock.protocol.chat import ChatRequest
from penstock.tenants.keys import Caller

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
        summary="Answer a conversation in the form of Anthropic's Messages API",
        request=MessagesRequest,
        untagged=(TextBlock,),
        answer=MessageAnswer,
        event=MessageEvent,
        done=False,
        errors=OF_MODELS,
        envelope=AnthropicEnvelope,
        examples={"whole": _EXAMPLE, "streamed": {**_EXAMPLE, "stream": True}},
    )
    count = Operation(
        name="countMessageTokens",
        method="POST",
        path="/v1/messages/count_tokens",
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

    def __init__(self, authenticator: Authenticator, inference: Inference, *, ping_seconds: float) -> None:
        self._authenticator = authenticator
        self._inference = inference
        self._ping_seconds = ping_seconds

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller = await self._authenticator.caller(exchange.scope)
        translated = as_chat(parse_messages_request(await exchange.json_body(cap=BODY_CAP)))
        async with exchange.while_connected():
            with translated.names.in_errors():
                await self._create(exchange, translated.chat, caller)

    async def _create(self, exchange: Exchange, chat: ChatRequest, caller: Caller) -> None:
        request_id = exchange.request_id
        if chat.stream:
            async with (
                EventStream(exchange, ping_seconds=self._ping_seconds, ping=PING) as stream,
                self._inference.chat(chat, caller, request_id=request_id, delivery=exchange) as completion,
            ):
                await stream.send(completion, MessageEvents(completion, request_id=request_id))
            return
        async with self._inference.chat(chat, caller, request_id=request_id, delivery=exchange) as completion:
            answer = message(await read_blocks(completion), completion, request_id=request_id)
        await exchange.answer(200, encode(answer))

    async def count_tokens(self, exchange: Exchange) -> None:
        """Answer how many tokens the prompt of a request would have."""
        await self._authenticator.caller(exchange.scope)
        translated = as_chat(parse_count_request(await exchange.json_body(cap=BODY_CAP)))
        async with exchange.while_connected():
            with translated.names.in_errors():
                tokens = await self._inference.count(translated.chat)
        await exchange.answer(200, encode(TokenCount(tokens)))
