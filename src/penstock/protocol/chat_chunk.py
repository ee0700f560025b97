"""What each event of a streamed chat completion holds, to the last key; sse.py writes it."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from penstock.protocol.answer import ChoiceLogprobs, FinishReason, Usage


class FunctionDelta(Struct, forbid_unknown_fields=True):
    """The name comes once, with the first piece; the pieces of `arguments` joined are a JSON text."""

    arguments: str
    name: str | UnsetType = UNSET


class ToolCallDelta(Struct, forbid_unknown_fields=True, kw_only=True):
    """A piece of one call; `index` says of which, `id` and `type` come with the first."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: FunctionDelta


class Delta(Struct, forbid_unknown_fields=True):
    """What was added to a choice."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET


class ChunkChoice(Struct, forbid_unknown_fields=True, kw_only=True):
    """One choice; its `finish_reason` is null until its last chunk."""

    index: int
    delta: Delta
    logprobs: ChoiceLogprobs | None
    finish_reason: FinishReason | None
    stop_reason: str | UnsetType | None = UNSET
    """With the last chunk: the stop string that hit."""


class Timings(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the time of an answer went, in milliseconds; null for what never came."""

    queue_ms: float
    """Until it had a slot of the engine."""
    ttft_ms: float | None
    """Until its first token, from its start."""
    decode_ms: float | None
    """From its first token to its last."""
    tokens_per_second: float | None
    """In that time; null where it is too short to tell."""


class ChatCompletionChunk(Struct, forbid_unknown_fields=True, kw_only=True):
    """One event of a streamed answer. With `include_usage` the last has no choices, and the usage."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    service_tier: str | UnsetType = UNSET
    """Where the request named one."""
    system_fingerprint: None
    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET
    penstock: Timings | UnsetType = UNSET
    """With the usage, in the console's playground alone."""
