"""What a request for a message looks like on the wire, with every bound; anthropic_answer.py has what comes back.

Shape: Anthropic's Messages API, as its own clients and coding agents send it.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation
from penstock.protocol.anthropic_blocks import BLOCKS, AnthropicMessage, CacheControl, TextBlock, ToolName
from penstock.protocol.messages import Name
from penstock.protocol.sampling import (
    Identifier,
    MinP,
    RepetitionPenalty,
    Seed,
    StopString,
    Tokens,
    TopK,
    TopP,
)
from penstock.protocol.tools import MAX_TOOLS

# Known to Anthropic's clients, refused here by name; each says what to do instead.
UNSUPPORTED = {
    "container": "no code is run here; leave it out.",
    "mcp_servers": "tools are called by the client; send them as tools.",
    "context_management": "nothing of a conversation is left out or summed up; leave it out.",
    "compaction": "nothing of a conversation is left out or summed up; leave it out.",
    "thread": "nothing is stored; send the whole conversation as messages.",
    "fallbacks": "the model that is named answers, or none; leave it out.",
    "fallback_credit_token": "the model that is named answers, or none; leave it out.",
    "diagnostics": "there are none; leave it out.",
    "billing_policy": "there is none; leave it out.",
    "inference_geo": "every request is answered where this server is; leave it out.",
    "user_profile_id": "there are no profiles; leave it out.",
    "workspace_id": "there are no workspaces; leave it out.",
    "output_format": "it is the older form of output_config.format; send that.",
    "max_tokens_to_sample": "in this API it is max_tokens.",
    "n": "a message is one answer; leave it out.",
    "stop": "in this API it is stop_sequences.",
}

_KEEPS_ALL: tuple[Any, ...] = ({"edits": []}, {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]})
"""What coding agents send as `context_management` to have nothing left out."""


class CustomTool(Struct, forbid_unknown_fields=True, kw_only=True):
    """A tool that the client runs; there are no others here."""

    name: ToolName
    input_schema: dict[str, Any]
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    input_examples: Annotated[list[dict[str, Any]], Meta(max_length=64)] | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    eager_input_streaming: bool | None = None
    """Accepted without effect: the input of a call is always streamed as it comes."""
    defer_loading: Literal[False] | None = None
    cache_control: CacheControl | None = None


class AutoChoice(Struct, tag_field="type", tag="auto", forbid_unknown_fields=True):
    disable_parallel_tool_use: bool | None = None


class AnyChoice(Struct, tag_field="type", tag="any", forbid_unknown_fields=True):
    """Some tool has to be called."""

    disable_parallel_tool_use: bool | None = None


class ToolChoice(Struct, tag_field="type", tag="tool", forbid_unknown_fields=True):
    """This tool has to be called."""

    name: ToolName
    disable_parallel_tool_use: bool | None = None


class NoChoice(Struct, tag_field="type", tag="none", forbid_unknown_fields=True):
    """No tool may be called."""

    disable_parallel_tool_use: bool | None = None


class EnabledThinking(Struct, tag_field="type", tag="enabled", forbid_unknown_fields=True):
    """Think first. The budget is a wish, as it is at Anthropic; what holds is max_tokens, thoughts included."""

    budget_tokens: Tokens
    display: Literal["summarized"] | None = None


class AdaptiveThinking(Struct, tag_field="type", tag="adaptive", forbid_unknown_fields=True):
    """Think where it helps: left to the model, also to one that never does."""

    display: Literal["summarized"] | None = None


class DisabledThinking(Struct, tag_field="type", tag="disabled", forbid_unknown_fields=True):
    """Do not think."""


class SchemaFormat(Struct, tag_field="type", tag="json_schema", forbid_unknown_fields=True):
    """JSON that follows a schema, which is always enforced."""

    schema: dict[str, Any]


class OutputConfig(Struct, forbid_unknown_fields=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: SchemaFormat | None = None


class MessageMetadata(Struct, forbid_unknown_fields=True):
    user_id: Identifier | None = None


class PromptRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a prompt is made of: the body of POST /v1/messages/count_tokens."""

    model: Name
    messages: Annotated[list[AnthropicMessage], Meta(min_length=1, max_length=10_000)]
    system: str | Annotated[list[TextBlock], Meta(max_length=1000)] | None = None
    tools: Annotated[list[CustomTool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: AutoChoice | AnyChoice | ToolChoice | NoChoice | None = None
    thinking: EnabledThinking | AdaptiveThinking | DisabledThinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    speed: Literal["standard"] | None = None


class MessagesRequest(PromptRequest, kw_only=True):
    """The body of POST /v1/messages."""

    max_tokens: Tokens
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    # Not in Anthropic's API; what users of local models send besides.
    min_p: MinP | None = None
    repetition_penalty: RepetitionPenalty | None = None
    seed: Seed | None = None
    stop_sequences: Annotated[list[StopString], Meta(max_length=16)] | None = None
    stream: bool | None = None
    metadata: MessageMetadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None

    def check(self) -> None:
        """Raises InvalidRequest where fields that are right by themselves contradict each other."""
        if isinstance(self.thinking, EnabledThinking) and self.thinking.budget_tokens >= self.max_tokens:
            message = "thinking.budget_tokens is a part of max_tokens, and has to be less."
            raise InvalidRequest(message, param="thinking.budget_tokens")


def parse_messages_request(body: bytes) -> MessagesRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    request = validation.convert(_tidied(body), MessagesRequest, unsupported=UNSUPPORTED)
    request.check()
    return request


def parse_count_request(body: bytes) -> PromptRequest:
    """The same for a request that only asks how many tokens its prompt has."""
    return validation.convert(_tidied(body), PromptRequest, unsupported=UNSUPPORTED)


def _tidied(body: bytes) -> Any:
    """The body without what asks for nothing, and with kinds of blocks and tools that are known here alone."""
    value = validation.what_asks(strict_json.decode(body), UNSUPPORTED)
    if not isinstance(value, dict):
        return value
    value = {name: validation.without_nulls(given) for name, given in value.items()}
    if value.get("context_management") in _KEEPS_ALL:
        del value["context_management"]
    if isinstance(messages := value.get("messages"), list):
        value["messages"] = [_tidied_message(message, f"messages[{at}]") for at, message in enumerate(messages)]
    if isinstance(tools := value.get("tools"), list):
        validation.check_kinds(tools, ("custom",), "tools", "Tools are of type custom, and run by the client")
    return value


def _tidied_message(message: Any, path: str) -> Any:
    if not isinstance(message, dict) or not isinstance(blocks := message.get("content"), list):
        return message
    validation.check_kinds(blocks, BLOCKS, f"{path}.content", "Blocks are of type " + ", ".join(BLOCKS))
    return {**message, "content": validation.without_nulls(blocks)}
