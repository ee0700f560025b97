"""POST /v1/embeddings: parse, run, render."""

from penstock.api.door import Door
from penstock.api.exchange import Exchange
from penstock.inference.collect import collect_vectors
from penstock.inference.completion import Inference
from penstock.protocol.answer import encode
from penstock.protocol.embeddings import (
    EmbeddingAnswer,
    EmbeddingRequest,
    parse_embedding_request,
)
from penstock.web.access import INFERENCE
from penstock.web.operation import OF_LIMITS, OF_MODELS, Operation


def operation() -> Operation:
    """What this route tells of itself."""
    example = {"model": "HuggingFaceTB/SmolLM2-135M-Embedding", "input": ["The cat sits on the mat.", "Hello"]}
    return Operation(
        name="createEmbedding",
        method="POST",
        path="/v1/embeddings",
        access=INFERENCE,
        summary="Make vectors of texts",
        request=EmbeddingRequest,
        answer=EmbeddingAnswer,
        errors=(*OF_MODELS, *OF_LIMITS),
        examples={"numbers": example, "base64": {**example, "encoding_format": "base64"}},
    )


class Embeddings:
    """The embeddings endpoint."""

    def __init__(self, door: Door, inference: Inference) -> None:
        self._door = door
        self._inference = inference

    async def create(self, exchange: Exchange) -> None:
        """Answer one request."""
        caller, request = await self._door.enter(exchange, parse_embedding_request)
        with exchange.while_connected():
            embedded = await self._inference.embed(request, caller, request_id=exchange.request_id, delivery=exchange)
            answer = collect_vectors(embedded, as_numbers=request.encoding_format != "base64")
            await exchange.answer(200, encode(answer))
