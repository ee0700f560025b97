"""What the input of the Responses API is made of: messages, calls of functions and their results, and reasoning.

Answers are taken back item by item as they were given.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.protocol.messages import CallId, FunctionName

ItemId = Annotated[str, Meta(max_length=256)]
Status = Literal["in_progress", "completed", "incomplete"]


class InputText(Struct, tag_field="type", tag="input_text", forbid_unknown_fields=True):
    text: str


class OutputText(Struct, tag_field="type", tag="output_text", forbid_unknown_fields=True):
    """What the model said before."""

    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    parsed: Any = None
    """OpenAI's Python client's reading of the text, and below of the arguments; it writes them out with the rest."""


class Refusal(Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    refusal: str


class InputImage(Struct, tag_field="type", tag="input_image", forbid_unknown_fields=True):
    """An image inside the request, as a `data:` URL."""

    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class InputFile(Struct, tag_field="type", tag="input_file", forbid_unknown_fields=True):
    """A document, which no model here reads; known, so that it can be refused by name."""

    file_data: Any = None
    file_id: Any = None
    file_url: Any = None
    filename: Any = None
    detail: Any = None


class InputAudio(Struct, tag_field="type", tag="input_audio", forbid_unknown_fields=True):
    """Sound, which no model here hears; known, so that it can be refused by name."""

    input_audio: Any


ItemPart = InputText | OutputText | Refusal | InputImage | InputFile | InputAudio
ItemContent = str | Annotated[list[ItemPart], Meta(min_length=1, max_length=1000)]


class MessageItem(Struct, tag_field="type", tag="message", forbid_unknown_fields=True, kw_only=True):
    """Something that was said, by either side. Clients may leave `type` out."""

    role: Literal["user", "assistant", "system", "developer"]
    content: ItemContent
    id: ItemId | None = None
    status: Status | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class FunctionCallItem(Struct, tag_field="type", tag="function_call", forbid_unknown_fields=True, kw_only=True):
    """A call that the model made."""

    call_id: CallId
    name: FunctionName
    arguments: str
    parsed_arguments: Any = None
    id: ItemId | None = None
    status: Status | None = None


class FunctionOutputItem(
    Struct, tag_field="type", tag="function_call_output", forbid_unknown_fields=True, kw_only=True
):
    """What a function gave, for the call of that id."""

    call_id: CallId
    output: ItemContent
    id: ItemId | None = None
    status: Status | None = None


class SummaryText(Struct, tag_field="type", tag="summary_text", forbid_unknown_fields=True):
    text: str


class ReasoningText(Struct, tag_field="type", tag="reasoning_text", forbid_unknown_fields=True):
    text: str


class ReasoningItem(Struct, tag_field="type", tag="reasoning", forbid_unknown_fields=True, kw_only=True):
    """What the model thought before it spoke or called."""

    summary: Annotated[list[SummaryText], Meta(max_length=1000)] = []
    content: Annotated[list[ReasoningText], Meta(max_length=1000)] = []
    id: ItemId | None = None
    status: Status | None = None

    @property
    def text(self) -> str:
        """The thoughts themselves where they are given, else their summary."""
        return "\n".join(part.text for part in self.content or self.summary)


Item = MessageItem | FunctionCallItem | FunctionOutputItem | ReasoningItem
