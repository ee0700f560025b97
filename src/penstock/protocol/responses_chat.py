"""A request for a response, translated into a chat request."""

from penstock.protocol.chat import ChatRequest
from penstock.protocol.dialect import Conversation, Translated
from penstock.protocol.messages import (
    AssistantMessage,
    AudioPart,
    Content,
    DeveloperMessage,
    FilePart,
    FunctionCall,
    ImagePart,
    ImageUrl,
    Message,
    Part,
    RefusalPart,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from penstock.protocol.responses_items import (
    FunctionCallItem,
    FunctionOutputItem,
    InputFile,
    InputImage,
    InputText,
    Item,
    ItemContent,
    ItemPart,
    MessageItem,
    OutputText,
    ReasoningItem,
    Refusal,
)
from penstock.protocol.responses_request import (
    AllowedFunctions,
    FunctionChoice,
    FunctionTool,
    NamedFunction,
    ResponsesRequest,
    SchemaFormat,
    TextConfig,
)
from penstock.protocol.sampling import TextRequest
from penstock.protocol.tools import (
    AllowedChoice,
    AllowedTools,
    Function,
    FunctionReference,
    JsonSchemaFormat,
    NamedSchema,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)

# Fields of a chat request, and what they are called in this API.
FIELDS = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "response_format.json_schema": "text.format",
    "reasoning_effort": "reasoning.effort",
    "logprobs": "include",
    "tool_choice.function": "tool_choice",
    "tool_choice.allowed_tools": "tool_choice",
}

_SPEAKERS = {"user": UserMessage, "system": SystemMessage, "developer": DeveloperMessage}


def as_chat(request: ResponsesRequest) -> Translated:
    """The same request as a chat request. Raises InvalidRequest, as that one's `check` does."""
    tools = request.tools or []
    conversation = Conversation({**FIELDS, **{f"tools[{at}].function": f"tools[{at}]" for at in range(len(tools))}})
    if request.instructions:
        conversation.add(SystemMessage(content=request.instructions), "instructions")
    if isinstance(request.input, str):
        conversation.add(UserMessage(content=request.input), "input")
    else:
        _Turns(conversation).add(request.input)
    chat = ChatRequest(
        **{name: getattr(request, name) for name in TextRequest.__struct_fields__},
        messages=conversation.messages,
        max_completion_tokens=request.max_output_tokens,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs if request.logprobs else None,
        response_format=_format(request.text),
        tools=[_tool(tool) for tool in tools] or None,
        tool_choice=_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        reasoning_effort=request.reasoning.effort if request.reasoning else None,
    )
    names = conversation.names
    with names.in_errors():
        chat.check()
    return Translated(chat, names)


class _Turns:
    """Puts together what the model thought, said and called in one turn: that is one message of a chat."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._turn: AssistantMessage | None = None
        self._thoughts: list[str] = []

    def add(self, items: list[Item]) -> None:
        for at, item in enumerate(items):
            path = f"input[{at}]"
            if isinstance(item, ReasoningItem):
                self._turn = None
                self._thoughts.append(item.text)
            elif isinstance(item, FunctionCallItem):
                self._add_call(item, path)
            elif isinstance(item, MessageItem) and item.role == "assistant":
                self._begin_turn(_content(item.content), path)
            else:
                self._turn, self._thoughts = None, []
                self._add_from_outside(item, path)

    def _begin_turn(self, content: Content | None, path: str) -> AssistantMessage:
        reasoning = "\n".join(filter(None, self._thoughts)) or None
        self._turn, self._thoughts = AssistantMessage(content=content, reasoning=reasoning), []
        self._conversation.add(self._turn, path)
        return self._turn

    def _add_call(self, item: FunctionCallItem, path: str) -> None:
        turn = self._turn or self._begin_turn(None, path)
        call = ToolCall(id=item.call_id, function=FunctionCall(item.name, item.arguments))
        turn.tool_calls = [*(turn.tool_calls or []), call]

    def _add_from_outside(self, item: MessageItem | FunctionOutputItem, path: str) -> None:
        if isinstance(item, MessageItem):
            message: Message = _SPEAKERS[item.role](content=_content(item.content))
            self._conversation.add(message, path)
        else:
            result = ToolMessage(content=_content(item.output), tool_call_id=item.call_id)
            self._conversation.add(result, path, {"content": f"{path}.output", "tool_call_id": f"{path}.call_id"})


def _content(content: ItemContent) -> Content:
    return content if isinstance(content, str) else [_part(part) for part in content]


def _part(part: ItemPart) -> Part:
    if isinstance(part, InputText | OutputText):
        return TextPart(part.text)
    if isinstance(part, Refusal):
        return RefusalPart(part.refusal)
    if isinstance(part, InputImage):
        return ImagePart(ImageUrl(part.image_url, part.detail))
    return FilePart(None) if isinstance(part, InputFile) else AudioPart(None)


def _tool(tool: FunctionTool) -> Tool:
    return Tool(Function(name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict))


def _choice(choice: FunctionChoice | None) -> ToolChoice | None:
    if isinstance(choice, NamedFunction):
        return _named(choice)
    if isinstance(choice, AllowedFunctions):
        return AllowedChoice(AllowedTools(choice.mode, [_named(tool) for tool in choice.tools]))
    return choice


def _named(function: NamedFunction) -> NamedTool:
    return NamedTool(FunctionReference(function.name))


def _format(text: TextConfig | None) -> ResponseFormat | None:
    wanted = text.format if text else None
    if not isinstance(wanted, SchemaFormat):
        return wanted
    return JsonSchemaFormat(
        NamedSchema(name=wanted.name, description=wanted.description, schema=wanted.schema, strict=wanted.strict)
    )
