"""What a response looks like on the wire, to the last key.

Shape: OpenAI's. The official clients and the Vercel AI SDK want `annotations`, `summary` and both details of `usage`
always, also where they are empty.
"""

from typing import Any, Literal

from msgspec import Struct

from penstock.protocol.answer import TokenLogprob
from penstock.protocol.responses_items import Status
from penstock.protocol.responses_request import FunctionChoice, FunctionTool, TextConfig


class OutputTextPart(Struct, tag_field="type", tag="output_text"):
    text: str
    annotations: list[Any] = []
    logprobs: list[TokenLogprob] = []


class ReasoningTextPart(Struct, tag_field="type", tag="reasoning_text"):
    text: str


class OutputMessage(Struct, tag_field="type", tag="message", kw_only=True):
    """What the model said."""

    id: str
    status: Status
    role: str = "assistant"
    content: list[OutputTextPart]


class OutputReasoning(Struct, tag_field="type", tag="reasoning", kw_only=True):
    """What the model thought, as it thought it; nobody summed it up."""

    id: str
    status: Status
    summary: list[Any] = []
    content: list[ReasoningTextPart]


class OutputCall(Struct, tag_field="type", tag="function_call", kw_only=True):
    """A call of a function; `arguments` is a JSON text."""

    id: str
    status: Status
    call_id: str
    name: str
    arguments: str


OutputItem = OutputMessage | OutputReasoning | OutputCall


class InputDetails(Struct):
    cached_tokens: int
    cache_write_tokens: int = 0


class OutputDetails(Struct):
    reasoning_tokens: int


class ResponseUsage(Struct, kw_only=True):
    """Tokens as the engine counted them."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class IncompleteDetails(Struct):
    reason: Literal["max_output_tokens", "content_filter"]


class ResponseError(Struct):
    code: str
    message: str


class ReasoningEcho(Struct):
    effort: str | None = None
    summary: str | None = None


class Response(Struct, kw_only=True):
    """The whole answer; most of it repeats what was asked, with the defaults filled in."""

    id: str
    object: str = "response"
    created_at: int
    completed_at: int | None = None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    model: str
    output: list[OutputItem]
    usage: ResponseUsage | None = None
    instructions: str | None
    max_output_tokens: int | None
    temperature: float
    top_p: float
    top_logprobs: int
    text: TextConfig
    reasoning: ReasoningEcho
    tools: list[FunctionTool]
    tool_choice: FunctionChoice
    parallel_tool_calls: bool
    metadata: dict[str, str]
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    service_tier: str | None
    truncation: str = "disabled"
    background: bool = False
    store: bool = False
    previous_response_id: None = None


class ResponseEvent(Struct):
    """What every event of a streamed response has; the rest depends on its type, as in OpenAI's API."""

    type: str
    sequence_number: int
