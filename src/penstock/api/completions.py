"""POST /v1/completions: parse, run, render."""

from functools import partial

from penstock.api.door import Door
from penstock.api.exchange import Exchange
from penstock.engines.engine import Piece
from penstock.inference.collect import collect_text
from penstock.inference.completion import Completion, Inference
from penstock.protocol.answer import Usage
from penstock.protocol.completions import (
    CompletionRequest,
    TextCompletion,
    TextCompletionChunk,
    parse_completion_request,
)
from penstock.protocol.sse import TextChunkWriter
from penstock.web.access import INFERENCE
from penstock.web.operation import OF_LIMITS, OF_MODELS, Operation

_EXAMPLE = {
    "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "prompt": "The capital of France is",
    "max_tokens": 16,
    "temperature": 0,
}


def operation() -> Operation:
    """What this route tells of itself."""
    return Operation(
        name="createCompletion",
        method="POST",
        path="/v1/completions",
        access=INFERENCE,
        summary="Continue raw prompts, whole or as a stream",
        request=CompletionRequest,
        answer=TextCompletion,
        event=TextCompletionChunk,
        errors=(*OF_MODELS, *OF_LIMITS),
        examples={"whole": _EXAMPLE, "streamed": {**_EXAMPLE, "stream": True}},
    )


class TextCompletions:
    """The completions endpoint."""

    def __init__(self, door: Door, inference: Inference) -> None:
        self._door = door
        self._inference = inference

    async def create(self, exchange: Exchange) -> None:
        """Answer one request, whole or as a stream."""
        caller, request = await self._door.enter(exchange, parse_completion_request)
        running = self._inference.complete(request, caller, request_id=exchange.request_id, delivery=exchange)
        if request.stream:
            events = partial(TextEvents, include_usage=request.include_usage)
            await self._door.stream(exchange, running, events)
        else:
            await self._door.answer(exchange, running, collect_text)


class TextEvents:
    """Writes chunks: what comes, then the reason of the end; for each choice."""

    def __init__(self, completion: Completion, *, include_usage: bool) -> None:
        self._chunks = TextChunkWriter(
            completion_id=completion.id,
            created=completion.created,
            model=completion.model,
            include_usage=include_usage,
        )

    def write(self, pieces: list[Piece]) -> bytes:
        return b"".join([chunk for piece in pieces for chunk in self._render(piece)])

    def end(self, usage: Usage) -> bytes:
        return self._chunks.end(usage)

    def _render(self, piece: Piece) -> list[bytes]:
        chunks = [self._chunks.text(piece.index, piece.content)] if piece.content else []
        if piece.finish_reason:
            chunks.append(self._chunks.finish(piece.index, piece.finish_reason, piece.stop_reason))
        return chunks
