"""What a request for the continuation of raw prompts looks like on the wire, with every bound, and its answer.

Shape: OpenAI's older completions, without what only models of that time gave (`logprobs`, `best_of`, `suffix`, `echo`).
"""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation
from penstock.protocol.answer import FinishReason, Usage
from penstock.protocol.sampling import SamplingRequest

MAX_ALL_CHOICES = 128
DEFAULT_MAX_TOKENS = 16
"""OpenAI's, for a request that names no bound."""

# Known to OpenAI's clients, refused here by name; each says what to do instead.
UNSUPPORTED = {
    "best_of": "choices are not ranked; ask for n of them.",
    "echo": "the prompt is not repeated; put it in front of the answer yourself.",
    "logprobs": "token probabilities are given by /v1/chat/completions.",
    "suffix": "text is only continued at its end; leave it out.",
}
_SAYS_NOTHING = {"best_of": 1, "suffix": ""}

TokenNumber = Annotated[int, Meta(ge=0, le=9_999_999)]
PromptTokens = Annotated[list[TokenNumber], Meta(min_length=1, max_length=1_000_000)]
PromptText = Annotated[str, Meta(min_length=1)]
Prompt: TypeAlias = str | list[int]
"""A text or its tokens."""


class CompletionRequest(SamplingRequest, kw_only=True):
    """The body of POST /v1/completions."""

    prompt: PromptText | Annotated[list[PromptText | TokenNumber | PromptTokens], Meta(min_length=1)]

    @property
    def prompts(self) -> list[Prompt]:
        """Every prompt; each has `n` choices."""
        return prompts_of(self.prompt)

    @property
    def choices(self) -> int:
        return len(self.prompts) * (self.n or 1)

    def check(self) -> None:
        super().check()
        check_alike(self.prompt, param="prompt")
        if self.choices > MAX_ALL_CHOICES:
            message = f"A request may have {MAX_ALL_CHOICES} choices at most, n for each prompt; this one has "
            raise InvalidRequest(f"{message}{self.choices}.", param="prompt")


def prompts_of(given: str | list[Any]) -> list[Prompt]:
    """The texts or token lists in a field that holds one of either, or many."""
    return [given] if isinstance(given, str) or isinstance(given[0], int) else given


def check_alike(given: str | list[Any], *, param: str) -> None:
    """Raises InvalidRequest for an array whose items are not all texts, all tokens, or all arrays of tokens."""
    if isinstance(given, list) and len({type(item) for item in given}) > 1:
        raise InvalidRequest(
            f"{param} is a string, an array of strings, an array of token ids, or an array of such arrays; not a mix.",
            code="invalid_type",
            param=param,
        )


def parse_completion_request(body: bytes) -> CompletionRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    value = validation.what_asks(strict_json.decode(body), UNSUPPORTED, nothing=_SAYS_NOTHING)
    request = validation.convert(value, CompletionRequest, unsupported=UNSUPPORTED)
    request.check()
    return request


class TextChoice(Struct, kw_only=True):
    index: int
    text: str
    logprobs: None = None
    finish_reason: FinishReason | None
    stop_reason: str | None = None


class TextCompletion(Struct, kw_only=True):
    """The whole answer of a request that does not stream."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    system_fingerprint: None = None
    usage: Usage


class TextChunkChoice(Struct, forbid_unknown_fields=True, kw_only=True):
    """A piece of one choice; its `finish_reason` is null until its last chunk."""

    index: int
    text: str
    logprobs: None
    finish_reason: FinishReason | None
    stop_reason: str | UnsetType | None = UNSET
    """With the last chunk: the stop string that hit."""


class TextCompletionChunk(Struct, forbid_unknown_fields=True, kw_only=True):
    """One event of a streamed answer. With `include_usage` the last has no choices, and the usage."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: None
    choices: list[TextChunkChoice]
    usage: Usage | UnsetType | None = UNSET
