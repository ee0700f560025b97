"""POST /v1/chat/completions: parse, run, render."""

from penstock.api.chat_events import ChatEvents
from penstock.api.collect import collect
from penstock.api.credentials import Authenticator
from penstock.api.exchange import Exchange
from penstock.api.stream import EventStream
from penstock.inference.completion import Inference
from penstock.protocol.answer import encode
from penstock.protocol.chat import ChatRequest, parse_chat_request
from penstock.tenants.keys import Caller

BODY_CAP = 16 << 20


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
