"""A request for a message, translated into a chat request."""

from collections.abc import Sequence

import msgspec

from penstock.errors import InvalidRequest
from penstock.protocol.anthropic_blocks import (
    AnthropicMessage,
    Base64Source,
    Block,
    DocumentBlock,
    ImageBlock,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from penstock.protocol.anthropic_request import (
    AnyChoice,
    CustomTool,
    DisabledThinking,
    EnabledThinking,
    MessagesRequest,
    NoChoice,
    PromptRequest,
    ToolChoice,
)
from penstock.protocol.chat import ChatRequest, ReasoningEffort
from penstock.protocol.dialect import Conversation, Translated
from penstock.protocol.messages import (
    AssistantMessage,
    Content,
    FilePart,
    FunctionCall,
    ImagePart,
    ImageUrl,
    Part,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from penstock.protocol.tools import (
    Function,
    FunctionReference,
    JsonSchemaFormat,
    NamedSchema,
    NamedTool,
    Tool,
)
from penstock.protocol.tools import ToolChoice as ChatToolChoice

# Fields of a chat request, and what they are called in this API.
FIELDS = {
    "response_format": "output_config.format",
    "response_format.json_schema": "output_config.format",
    "tool_choice.function": "tool_choice",
    "reasoning_effort": "thinking",
    "stop": "stop_sequences",
}


def as_chat(request: PromptRequest) -> Translated:
    """The same request as a chat request; one that only asks for a count has the defaults of sampling.

    Raises InvalidRequest, as the chat request's `check` does.
    """
    tools = request.tools or []
    conversation = Conversation(
        {**FIELDS, **{f"tools[{at}].function.parameters": f"tools[{at}].input_schema" for at in range(len(tools))}}
    )
    if request.system:
        conversation.add(SystemMessage(content=_words(request.system)), "system")
    for at, message in enumerate(request.messages):
        _add(conversation, message, f"messages[{at}]")
    wanted = request.output_config.format if request.output_config else None
    choice = request.tool_choice
    chat = ChatRequest(
        model=request.model,
        messages=conversation.messages,
        tools=[_tool(tool) for tool in tools] or None,
        tool_choice=_choice(request),
        parallel_tool_calls=not (choice is not None and choice.disable_parallel_tool_use),
        response_format=JsonSchemaFormat(NamedSchema(name="output", schema=wanted.schema)) if wanted else None,
        reasoning_effort=_effort(request),
    )
    if isinstance(request, MessagesRequest):
        chat = _sampled(chat, request)
    names = conversation.names
    with names.in_errors():
        chat.check()
    return Translated(chat, names)


def _sampled(chat: ChatRequest, request: MessagesRequest) -> ChatRequest:
    return msgspec.structs.replace(
        chat,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        repetition_penalty=request.repetition_penalty,
        seed=request.seed,
        stop=request.stop_sequences,
        stream=request.stream,
        user=request.metadata.user_id if request.metadata else None,
    )


def _effort(request: PromptRequest) -> ReasoningEffort | None:
    """How much the model is told to think. An effort without demanded thinking is a hint, which is left to the model:
    coding agents send it to every model, whether it can think or not."""
    if isinstance(request.thinking, DisabledThinking):
        return "none"
    if not isinstance(request.thinking, EnabledThinking):
        return None
    return (request.output_config.effort if request.output_config else None) or "medium"


def _tool(tool: CustomTool) -> Tool:
    schema = {**tool.input_schema, "examples": tool.input_examples} if tool.input_examples else tool.input_schema
    return Tool(Function(name=tool.name, description=tool.description, parameters=schema, strict=tool.strict))


def _choice(request: PromptRequest) -> ChatToolChoice | None:
    choice = request.tool_choice
    if isinstance(choice, ToolChoice):
        return NamedTool(FunctionReference(choice.name))
    if isinstance(choice, AnyChoice):
        return "required"
    return "none" if isinstance(choice, NoChoice) else None


def _words(content: str | Sequence[TextBlock]) -> str:
    """Blocks of text stand one below the other."""
    return content if isinstance(content, str) else "\n".join(block.text for block in content)


def _add(conversation: Conversation, message: AnthropicMessage, path: str) -> None:
    blocks: Sequence[Block] = [TextBlock(message.content)] if isinstance(message.content, str) else message.content
    if message.role == "assistant":
        conversation.add(_assistant(blocks, path), path)
    elif message.role == "system":
        said = [_only_text(block, f"{path}.content[{at}]") for at, block in enumerate(blocks)]
        conversation.add(SystemMessage(content=_words(said)), path)
    else:
        _add_user(conversation, blocks, path)


def _assistant(blocks: Sequence[Block], path: str) -> AssistantMessage:
    said: list[TextBlock] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for at, block in enumerate(blocks):
        if isinstance(block, ThinkingBlock):
            thoughts.append(block.thinking)
        elif isinstance(block, ToolUseBlock):
            arguments = msgspec.json.encode(block.input).decode()
            calls.append(ToolCall(id=block.id, function=FunctionCall(block.name, arguments)))
        elif not isinstance(block, RedactedThinkingBlock):
            said.append(_only_text(block, f"{path}.content[{at}]"))
    content = None if calls and not said else _words(said)
    return AssistantMessage(content=content, tool_calls=calls or None, reasoning="\n".join(thoughts) or None)


def _add_user(conversation: Conversation, blocks: Sequence[Block], path: str) -> None:
    """Results and what else was said become messages of their own, in their order."""
    parts: list[tuple[Part, str]] = []
    for at, block in enumerate(blocks):
        here = f"{path}.content[{at}]"
        if isinstance(block, ToolResultBlock):
            _add_parts(conversation, parts, path)
            parts = []
            _add_result(conversation, block, here)
        else:
            parts.append((_part(block, here), here))
    _add_parts(conversation, parts, path)


def _add_parts(conversation: Conversation, parts: list[tuple[Part, str]], path: str) -> None:
    if not parts:
        return
    texts = [part.text for part, _ in parts if isinstance(part, TextPart)]
    content: Content = "\n".join(texts) if len(texts) == len(parts) else [part for part, _ in parts]
    places = {f"content[{at}]": here for at, (_, here) in enumerate(parts)}
    conversation.add(UserMessage(content=content), path, places)


def _add_result(conversation: Conversation, block: ToolResultBlock, path: str) -> None:
    given = [TextBlock(block.content)] if isinstance(block.content, str) else block.content
    said = _words([_only_text(one, f"{path}.content[{at}]") for at, one in enumerate(given)])
    content = f"The call failed: {said}" if block.is_error else said
    fields = {"tool_call_id": f"{path}.tool_use_id"}
    conversation.add(ToolMessage(content=content, tool_call_id=block.tool_use_id), path, fields)


def _part(block: Block, path: str) -> Part:
    if isinstance(block, ImageBlock):
        if not isinstance(block.source, Base64Source):
            message = "Send the image itself, as base64; nothing is fetched from elsewhere."
            raise InvalidRequest(message, code="unsupported_content", param=f"{path}.source")
        return ImagePart(ImageUrl(f"data:{block.source.media_type};base64,{block.source.data}"))
    return FilePart(None) if isinstance(block, DocumentBlock) else TextPart(_only_text(block, path).text)


def _only_text(block: Block, path: str) -> TextBlock:
    if isinstance(block, TextBlock):
        return block
    kind = block.__struct_config__.tag
    raise InvalidRequest(f"A block of type {kind} has no place here.", code="unsupported_content", param=path)
