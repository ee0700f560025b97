"""What a request for embeddings looks like on the wire, with every bound, and its answer. Shape: OpenAI's."""

import struct
from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation
from penstock.protocol.completions import Prompt, PromptText, PromptTokens, TokenNumber, check_alike, prompts_of
from penstock.protocol.messages import Name
from penstock.protocol.sampling import Identifier

MAX_INPUTS = 2048
MAX_ALL_CHARACTERS = 2_000_000
MAX_ALL_TOKENS = 300_000
"""Of all inputs of a request together, given as texts or as tokens."""


class EmbeddingRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/embeddings."""

    model: Name
    input: PromptText | Annotated[list[PromptText | TokenNumber | PromptTokens], Meta(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    user: Identifier | None = None

    @property
    def inputs(self) -> list[Prompt]:
        """Every input; each has a vector of its own."""
        return prompts_of(self.input)

    def check(self) -> None:
        """Raises InvalidRequest where the inputs are of different kinds, too many, or too long together."""
        check_alike(self.input, param="input")
        inputs = self.inputs
        size = sum(map(len, inputs))
        most, unit = (MAX_ALL_CHARACTERS, "characters") if isinstance(inputs[0], str) else (MAX_ALL_TOKENS, "tokens")
        for number, bound, what in ((len(inputs), MAX_INPUTS, "inputs"), (size, most, unit)):
            if number > bound:
                message = f"A request may have {bound} {what} at most; this one has {number}. Send several."
                raise InvalidRequest(message, param="input")


def parse_embedding_request(body: bytes) -> EmbeddingRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    request = validation.convert(strict_json.decode(body), EmbeddingRequest, unsupported={})
    request.check()
    return request


class Embedding(Struct, kw_only=True):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | bytes
    """Numbers; or little-endian float32, which JSON has in base64."""


class EmbeddingUsage(Struct):
    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(Struct, kw_only=True):
    """The whole answer."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


def numbers_of(vector: bytes) -> list[float]:
    """The numbers of a vector in little-endian float32."""
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
