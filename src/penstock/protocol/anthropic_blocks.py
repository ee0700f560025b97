"""What the conversation of Anthropic's Messages API is made of: messages, and the blocks inside them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.protocol.messages import CallId

ToolName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}\Z")]
CacheControl = dict[str, Any]
"""Accepted without effect: prompts are cached by themselves, wherever they begin alike."""


class TextBlock(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    text: str
    cache_control: CacheControl | None = None
    citations: list[Any] | None = None


class Base64Source(Struct, tag_field="type", tag="base64", forbid_unknown_fields=True):
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class UrlSource(Struct, tag_field="type", tag="url", forbid_unknown_fields=True):
    """Known, so that it can be refused by name: nothing is fetched for a client."""

    url: str


class FileSource(Struct, tag_field="type", tag="file", forbid_unknown_fields=True):
    """Known, so that it can be refused by name."""

    file_id: str


class ImageBlock(Struct, tag_field="type", tag="image", forbid_unknown_fields=True):
    """An image, for models that see."""

    source: Base64Source | UrlSource | FileSource
    cache_control: CacheControl | None = None


class DocumentBlock(Struct, tag_field="type", tag="document", forbid_unknown_fields=True):
    """A document, which no model here reads; known, so that it can be refused by name."""

    source: Any
    title: Any = None
    context: Any = None
    citations: Any = None
    cache_control: CacheControl | None = None


class ThinkingBlock(Struct, tag_field="type", tag="thinking", forbid_unknown_fields=True):
    """What the model thought before."""

    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Struct, tag_field="type", tag="redacted_thinking", forbid_unknown_fields=True):
    """Thoughts that another service has sealed. Only that service can read them; here they count for nothing."""

    data: str


class ToolUseBlock(Struct, tag_field="type", tag="tool_use", forbid_unknown_fields=True):
    """A call that the model made."""

    id: CallId
    name: ToolName
    input: dict[str, Any]
    cache_control: CacheControl | None = None


ResultContent = str | Annotated[list[TextBlock | ImageBlock | DocumentBlock], Meta(max_length=1000)]


class ToolResultBlock(Struct, tag_field="type", tag="tool_result", forbid_unknown_fields=True):
    """What a tool gave, for the call of that id."""

    tool_use_id: CallId
    content: ResultContent = ""
    is_error: bool = False
    cache_control: CacheControl | None = None


Block = TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock
BLOCKS = ("text", "image", "document", "thinking", "redacted_thinking", "tool_use", "tool_result")
BlockContent = str | Annotated[list[Block], Meta(min_length=1, max_length=1000)]


class AnthropicMessage(Struct, forbid_unknown_fields=True):
    """One turn of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: BlockContent
