"""What a request for a chat completion looks like on the wire, with every bound; answer.py has what comes back.

Shape: OpenAI's chat completions. `null` means the default everywhere.
"""

from typing import Annotated, Literal

from msgspec import Meta

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation
from penstock.protocol.messages import Message, check_conversation
from penstock.protocol.sampling import SamplingRequest, Tokens
from penstock.protocol.tools import MAX_TOOLS, ResponseFormat, Tool, ToolChoice

# Known to OpenAI's clients, refused here by name; each says what to do instead.
UNSUPPORTED = {
    "audio": "audio output is not served.",
    "modalities": "answers are text; leave it out.",
    "prediction": "predicted outputs are not served; leave it out.",
    "web_search_options": "there is no web search; leave it out.",
    "functions": "it is the older form of tools; send tools.",
    "function_call": "it is the older form of tool_choice; send tool_choice.",
    "moderation": "nothing is moderated; leave it out.",
    "prompt_cache_options": "prompts are cached by themselves; leave it out.",
    "prompt_cache_retention": "prompts are cached by themselves; leave it out.",
    "verbosity": "no model here takes it; leave it out.",
}

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatRequest(SamplingRequest, kw_only=True):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Meta(min_length=1, max_length=10_000)]
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: ReasoningEffort | None = None

    @property
    def output_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def check(self) -> None:
        super().check()
        older, newer = self.max_tokens, self.max_completion_tokens
        if older is not None and newer is not None and older != newer:
            message = "max_tokens is the older name of max_completion_tokens; give one of them, or both alike."
            raise InvalidRequest(message, param="max_completion_tokens")
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequest("top_logprobs goes with logprobs: true only.", param="top_logprobs")
        check_conversation(self.messages)


def parse_chat_request(body: bytes) -> ChatRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    value = validation.what_asks(strict_json.decode(body), UNSUPPORTED)
    request = validation.convert(value, ChatRequest, unsupported=UNSUPPORTED)
    request.check()
    return request
