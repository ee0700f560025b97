"""POST /v1/chat/completions: parse, run, render."""

from penstock.api.credentials import Authenticator
from penstock.api.exchange import Exchange
from penstock.api.stream import ChatStream
from penstock.inference.completion import Completion, Inference
from penstock.protocol.chat import AnswerMessage, ChatCompletion, ChatRequest, Choice, encode, parse_chat_request
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
        caller = await self._authenticator.caller(exchange.headers)
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
            ChatStream(exchange, request, ping_seconds=self._ping_seconds) as stream,
            self._inference.chat(request, caller, request_id=exchange.request_id, delivery=exchange) as completion,
        ):
            await stream.send(completion)


async def collect(completion: Completion) -> ChatCompletion:
    """The whole answer, read to its end."""
    choices = [
        Choice(index=index, finish_reason=None, message=AnswerMessage(content=""))
        for index in range(completion.choices)
    ]
    texts: list[list[str]] = [[] for _ in choices]
    thoughts: list[list[str]] = [[] for _ in choices]
    while (pieces := await completion.read()) is not None:
        for piece in pieces:
            texts[piece.index].append(piece.content)
            thoughts[piece.index].append(piece.reasoning)
            if piece.finish_reason:
                choices[piece.index].finish_reason = piece.finish_reason
                choices[piece.index].stop_reason = piece.stop_reason
    for choice, text, thought in zip(choices, texts, thoughts, strict=True):
        choice.message.content = "".join(text)
        if reasoning := "".join(thought):
            choice.message.reasoning_content = choice.message.reasoning = reasoning
    return ChatCompletion(
        id=completion.id,
        created=completion.created,
        model=completion.model,
        choices=choices,
        usage=completion.usage,
    )
