"""What a request for a response looks like on the wire, with every bound; responses_answer.py has what comes back.

Shape: OpenAI's Responses API, without state: nothing is stored, so each request brings its whole conversation.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol import strict_json, validation
from penstock.protocol.chat import ReasoningEffort
from penstock.protocol.messages import FunctionName
from penstock.protocol.responses_items import Item
from penstock.protocol.sampling import TextRequest, Tokens
from penstock.protocol.tools import MAX_TOOLS, JsonObjectFormat, SchemaName, TextFormat

# Known to OpenAI's clients, refused here by name; each says what to do instead.
UNSUPPORTED = {
    "previous_response_id": "nothing is stored; send the whole conversation as input.",
    "conversation": "nothing is stored; send the whole conversation as input.",
    "prompt": "prompt templates are not stored here; send instructions and input.",
    "background": "a response is answered while you wait; leave it out.",
    "background_options": "a response is answered while you wait; leave it out.",
    "context_management": "nothing of a conversation is left out or summed up; leave it out.",
    "max_tool_calls": "there are no built-in tools; leave it out.",
    "moderation": "nothing is moderated; leave it out.",
    "access_programs": "there are none; leave it out.",
    "image": "images are passed on as they are; leave it out.",
    "prompt_cache_options": "prompts are cached by themselves; leave it out.",
    "prompt_cache_retention": "prompts are cached by themselves; leave it out.",
    "text.verbosity": "no model here takes it; leave it out.",
    "reasoning.mode": "no model here takes it; leave it out.",
    "reasoning.context": "reasoning counts where it stands in input; leave it out.",
    "reasoning.generate_summary": "it is the older form of reasoning.summary; leave it out.",
    "messages": "in this API it is input.",
    "functions": "in this API it is tools.",
    "max_tokens": "in this API it is max_output_tokens.",
    "max_completion_tokens": "in this API it is max_output_tokens.",
    "response_format": "in this API it is text.format.",
    "reasoning_effort": "in this API it is reasoning.effort.",
    "logprobs": 'in this API it is include: ["message.output_text.logprobs"].',
    "n": "a response is one answer; leave it out.",
}

LOGPROBS = "message.output_text.logprobs"
ITEMS = ("message", "function_call", "function_call_output", "reasoning")

_TIDIED = ("text", "reasoning", "input", "tools")

Includable = Literal[
    "message.output_text.logprobs",
    # Asked for by clients as a matter of course; there is nothing of the kind that could be left out.
    "reasoning.encrypted_content",
    "message.input_image.image_url",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
]


class FunctionTool(Struct, tag_field="type", tag="function", forbid_unknown_fields=True, kw_only=True):
    """A function that the model may call; functions are the only tools."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedFunction(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """The one function that has to be called."""

    name: FunctionName


class AllowedFunctions(Struct, tag_field="type", tag="allowed_tools", forbid_unknown_fields=True):
    """Which of the tools may be called this time."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedFunction], Meta(min_length=1, max_length=MAX_TOOLS)]


FunctionChoice = Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions


class SchemaFormat(Struct, tag_field="type", tag="json_schema", forbid_unknown_fields=True, kw_only=True):
    """JSON that follows a schema. It is always enforced, whatever `strict` says."""

    name: SchemaName
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextConfig(Struct, forbid_unknown_fields=True):
    """The form of the answer's text."""

    format: TextFormat | JsonObjectFormat | SchemaFormat | None = None


class Reasoning(Struct, forbid_unknown_fields=True):
    """How much the model should think. The answer holds its thoughts themselves; `summary: "auto"` makes no other."""

    effort: ReasoningEffort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class ResponseStreamOptions(Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None
    """Accepted as OpenAI's API takes it; nothing here is padded."""


class ResponsesRequest(TextRequest, kw_only=True):
    """The body of POST /v1/responses."""

    input: str | Annotated[list[Item], Meta(min_length=1, max_length=10_000)]
    instructions: str | None = None
    max_output_tokens: Tokens | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    tools: Annotated[list[FunctionTool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    include: Annotated[list[Includable], Meta(max_length=64)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    stream_options: ResponseStreamOptions | None = None
    client_metadata: Annotated[dict[str, Any], Meta(max_length=64)] | None = None
    """What OpenAI's coding agent says of itself; taken, not kept."""

    @property
    def logprobs(self) -> bool:
        return LOGPROBS in (self.include or [])

    def check(self) -> None:
        """Raises InvalidRequest for values that are known but not served, and for fields that contradict each other."""
        summary = self.reasoning.summary if self.reasoning else None
        for asked, param, instead in (
            (self.store, "store", "responses are not kept here; send store: false, or leave it out."),
            (self.truncation == "auto", "truncation", "nothing is ever cut to fit; leave it out."),
            (
                summary not in (None, "auto"),
                "reasoning.summary",
                "the answer holds the reasoning itself; leave it out.",
            ),
        ):
            if asked:
                raise InvalidRequest(f"{param} is not supported: {instead}", code="unsupported_parameter", param=param)
        if self.top_logprobs and not self.logprobs:
            raise InvalidRequest(f'top_logprobs goes with include: ["{LOGPROBS}"] only.', param="top_logprobs")
        if self.stream_options is not None and not self.stream:
            raise InvalidRequest("stream_options goes with stream: true only.", param="stream_options")


def parse_responses_request(body: bytes) -> ResponsesRequest:
    """The request that `body` holds. Raises InvalidRequest (400) that names the field at fault."""
    value = validation.what_asks(strict_json.decode(body), UNSUPPORTED)
    if isinstance(value, dict):
        value = _with_kinds(value)
    request = validation.convert(value, ResponsesRequest, unsupported=UNSUPPORTED)
    request.check()
    return request


def _with_kinds(value: dict[str, Any]) -> dict[str, Any]:
    """The body with `type` in every message, and without the nulls that the official clients write into objects."""
    value = {name: validation.without_nulls(given) if name in _TIDIED else given for name, given in value.items()}
    if isinstance(items := value.get("input"), list):
        value["input"] = [_with_type(item) for item in items]
        validation.check_kinds(value["input"], ITEMS, "input", "Items of input are of type " + ", ".join(ITEMS))
    if isinstance(tools := value.get("tools"), list):
        validation.check_kinds(tools, ("function",), "tools", "Functions are the only tools here")
    return value


def _with_type(item: Any) -> Any:
    return {"type": "message", **item} if isinstance(item, dict) and "role" in item else item
