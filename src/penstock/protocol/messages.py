"""What a conversation looks like on the wire: messages, their parts, and the calls of functions inside them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from penstock.errors import InvalidRequest

Name = Annotated[str, Meta(min_length=1, max_length=256)]
FunctionName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
CallId = Annotated[str, Meta(min_length=1, max_length=256)]


class TextPart(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A piece of text inside a message."""

    text: str


class RefusalPart(Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    """What a model said to refuse; it comes back in the messages of an assistant."""

    refusal: str


class ImageUrl(Struct, forbid_unknown_fields=True):
    """An image inside the request: a `data:` URL. Nothing is ever fetched for a client."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True):
    """An image, for models that see."""

    image_url: ImageUrl


class AudioPart(Struct, tag_field="type", tag="input_audio", forbid_unknown_fields=True):
    """Sound, which no model here hears; known, so that it can be refused by name."""

    input_audio: Any


class FilePart(Struct, tag_field="type", tag="file", forbid_unknown_fields=True):
    """A document, which no model here reads; known, so that it can be refused by name."""

    file: Any


Part = TextPart | RefusalPart | ImagePart | AudioPart | FilePart
Content = str | Annotated[list[Part], Meta(min_length=1, max_length=1000)]


class SystemMessage(Struct, tag_field="role", tag="system", forbid_unknown_fields=True, kw_only=True):
    """What the model should be like."""

    content: Content
    name: Name | None = None


class DeveloperMessage(SystemMessage, tag="developer"):
    """The newer name of a system message."""


class UserMessage(SystemMessage, tag="user"):
    """What the person said."""


class FunctionCall(Struct, forbid_unknown_fields=True):
    """The function that a model called; `arguments` is a JSON text."""

    name: FunctionName
    arguments: str
    parsed_arguments: Any = None
    """What OpenAI's Python client made of the arguments; it sends that back with them."""


class ToolCall(Struct, forbid_unknown_fields=True, kw_only=True):
    """One call of a function."""

    id: CallId
    type: Literal["function"] = "function"
    function: FunctionCall
    index: int | None = None
    """Only in the pieces of a stream; clients that join those send it back."""


class AssistantMessage(Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, kw_only=True):
    """What the model said before. Answers are taken back as clients were given them, or as those write them out again;
    so there are fields that have to be empty, and `parsed`, OpenAI's Python client's reading of the content."""

    content: Content | None = None
    name: Name | None = None
    refusal: str | None = None
    audio: None = None
    function_call: None = None
    annotations: Annotated[list[Any], Meta(max_length=0)] | None = None
    parsed: Any = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=128)] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class ToolMessage(Struct, tag_field="role", tag="tool", forbid_unknown_fields=True, kw_only=True):
    """What a function gave, for the call of that id."""

    content: Content
    tool_call_id: CallId
    name: Name | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


ROLES: dict[type[Message], str] = {
    SystemMessage: "system",
    DeveloperMessage: "developer",
    UserMessage: "user",
    AssistantMessage: "assistant",
    ToolMessage: "tool",
}


def text_of(content: Content | None) -> str:
    """The text of a content, its parts joined. Parts that are no text have none."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(_text_of_part(part) for part in content)


def _text_of_part(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    return part.refusal if isinstance(part, RefusalPart) else ""


def check_conversation(messages: list[Message]) -> None:
    """Raises InvalidRequest where there is no message, one says nothing, or a result answers no call before it."""
    if not messages:  # other APIs than chat have more in a conversation than messages
        raise InvalidRequest("A conversation needs one message at least.", param="messages")
    called: set[str] = set()
    for at, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            if message.tool_calls:
                called.update([call.id for call in message.tool_calls])
            elif message.content is None and not message.refusal:
                raise InvalidRequest(
                    f"messages[{at}] needs content, or tool_calls.",
                    code="missing_required_parameter",
                    param=f"messages[{at}].content",
                )
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            raise InvalidRequest(
                "This is the result of a call that is not in the conversation before it: no call there has this id.",
                param=f"messages[{at}].tool_call_id",
            )


def arguments_of(call: FunctionCall) -> Any:
    """The arguments as a JSON value; as a text where they are none (a model may have been cut off in them)."""
    try:
        return msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return call.arguments
