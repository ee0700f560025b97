"""What the answer to a chat completion looks like on the wire, to the last key.

Shape: OpenAI's, widened by the fields that the reference service added (`stop_reason`, `prompt_logprobs`, `audio`,
`function_call`).
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

FinishReason = Annotated[str, Meta(extra_json_schema={"enum": ["stop", "length", "tool_calls", "content_filter"]})]


class PromptDetails(Struct):
    cached_tokens: int = 0


class CompletionDetails(Struct):
    reasoning_tokens: int = 0


class Usage(Struct):
    """Tokens as the engine counted them, over all choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class TopLogprob(Struct):
    """A token that might have stood there; `bytes` are those of its text, which may be a part of a character."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(Struct):
    """A token of the answer, with the likeliest ones in its place."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] = []


class ChoiceLogprobs(Struct):
    content: list[TokenLogprob] | None
    refusal: None = None


class CalledFunction(Struct):
    name: str
    arguments: str


class AnswerToolCall(Struct, kw_only=True):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class AnswerMessage(Struct, kw_only=True):
    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: list[AnswerToolCall] = []
    reasoning_content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET


class Choice(Struct, kw_only=True):
    index: int
    finish_reason: FinishReason | None
    stop_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None
    message: AnswerMessage


class ChatCompletion(Struct, kw_only=True):
    """The whole answer of a request that does not stream."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    service_tier: str | None = None
    system_fingerprint: None = None
    prompt_logprobs: None = None
    usage: Usage


def encode(answer: Struct) -> bytes:
    """`answer` as JSON."""
    return msgspec.json.encode(answer)
