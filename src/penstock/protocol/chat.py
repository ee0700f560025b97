"""What a chat completion looks like on the wire: the request with every bound, the answer to the last key.

Shapes: OpenAI's chat completions, widened by the fields that the reference service added (`stop_reason`,
`prompt_logprobs`, `audio`, `function_call`). `null` means the default everywhere.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation

MAX_CHOICES = 8

Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(gt=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,7}\Z")]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]
StopString = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]

# Known to OpenAI's clients, refused here by name; each says what to do instead.
UNSUPPORTED = {
    "audio": "audio output is not served.",
    "modalities": "answers are text; leave it out.",
    "prediction": "predicted outputs are not served; leave it out.",
    "web_search_options": "there is no web search; leave it out.",
    "functions": "function calling is not served yet; leave it out.",
    "function_call": "function calling is not served yet; leave it out.",
    "tools": "tool calls are not served yet; leave it out.",
    "tool_choice": "tool calls are not served yet; leave it out.",
    "parallel_tool_calls": "tool calls are not served yet; leave it out.",
    "logprobs": "token probabilities are not served yet; leave it out.",
    "top_logprobs": "token probabilities are not served yet; leave it out.",
    "reasoning_effort": "no model here takes it; leave it out.",
    "verbosity": "no model here takes it; leave it out.",
}


_SAYS_NOTHING: tuple[Any, ...] = (None, False, [], "none")
"""Values of unsupported parameters that ask for nothing; clients send them all the time."""


class TextPart(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A piece of text inside a message."""

    text: str


class RefusalPart(Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    """What a model said to refuse; it comes back in the messages of an assistant."""

    refusal: str


Content = str | Annotated[list[TextPart | RefusalPart], Meta(min_length=1, max_length=1000)]


class SystemMessage(Struct, tag_field="role", tag="system", forbid_unknown_fields=True, kw_only=True):
    """What the model should be like."""

    content: Content
    name: Name | None = None


class DeveloperMessage(SystemMessage, tag="developer"):
    """The newer name of a system message."""


class UserMessage(SystemMessage, tag="user"):
    """What the person said."""


class AssistantMessage(Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, kw_only=True):
    """What the model said before. Answers are taken back as they were given, so empty fields of ours are accepted."""

    content: Content
    name: Name | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: Annotated[list[Any], Meta(max_length=0)] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage


class StreamOptions(Struct, forbid_unknown_fields=True):
    """`include_usage`: one more chunk with the usage before the end."""

    include_usage: bool | None = None


class ResponseFormat(Struct, forbid_unknown_fields=True):
    """Only plain text so far."""

    type: Literal["text"]


class ChatRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/chat/completions."""

    model: Name
    messages: Annotated[list[Message], Meta(min_length=1, max_length=10_000)]
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: Annotated[int, Meta(ge=0, le=1000)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Meta(max_length=1024)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    stop: StopString | Annotated[list[StopString], Meta(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    user: Annotated[str, Meta(max_length=512)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=512)] | None = None
    prompt_cache_key: Annotated[str, Meta(max_length=512)] | None = None
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    ) = None
    store: bool | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None

    @property
    def output_limit(self) -> int | None:
        """The most tokens the caller wants for one choice; None leaves it to the model."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else self.stop

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


def parse_chat_request(body: bytes) -> ChatRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    value = strict_json.decode(body)
    if isinstance(value, dict):
        value = {name: given for name, given in value.items() if name not in UNSUPPORTED or given not in _SAYS_NOTHING}
    request = validation.convert(value, ChatRequest, unsupported=UNSUPPORTED)
    limits = {request.max_tokens, request.max_completion_tokens} - {None}
    if len(limits) > 1:
        message = "max_tokens is the older name of max_completion_tokens; give one of them, or both alike."
        raise InvalidRequest(message, param="max_completion_tokens")
    if request.stream_options is not None and not request.stream:
        raise InvalidRequest("stream_options goes with stream: true only.", param="stream_options")
    return request


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


class AnswerMessage(Struct, kw_only=True):
    role: str = "assistant"
    content: str
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: list[Any] = []
    reasoning_content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET


class Choice(Struct, kw_only=True):
    index: int
    finish_reason: str | None
    stop_reason: str | None = None
    logprobs: None = None
    message: AnswerMessage


class ChatCompletion(Struct, kw_only=True):
    """The whole answer of a request that does not stream."""

    id: str
    object: str = "chat.completion"
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
