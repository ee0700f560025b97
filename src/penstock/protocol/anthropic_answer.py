"""What a message looks like on the wire, to the last key. Shape: Anthropic's Messages API."""

from typing import Any

from msgspec import Struct


class AnswerText(Struct, tag_field="type", tag="text"):
    text: str
    citations: None = None


class AnswerThinking(Struct, tag_field="type", tag="thinking"):
    """What the model thought. Nothing seals it, so its signature is empty."""

    thinking: str
    signature: str = ""


class AnswerToolUse(Struct, tag_field="type", tag="tool_use", kw_only=True):
    id: str
    name: str
    input: dict[str, Any]


AnswerBlock = AnswerText | AnswerThinking | AnswerToolUse


class ThinkingTokens(Struct):
    thinking_tokens: int


class MessageUsage(Struct, kw_only=True):
    """Tokens as the engine counted them. Those that were read from its cache are not in `input_tokens`."""

    input_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: ThinkingTokens
    service_tier: str = "standard"


class MessageAnswer(Struct, tag_field="type", tag="message", kw_only=True):
    """The whole answer."""

    id: str
    role: str = "assistant"
    model: str
    content: list[AnswerBlock]
    stop_reason: str | None
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(Struct):
    """The answer of count_tokens."""

    input_tokens: int


class MessageEvent(Struct):
    """What every event of a streamed message has; the rest depends on its type, as in Anthropic's API."""

    type: str
