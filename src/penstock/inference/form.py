"""The form that an answer must have: plain text, JSON, calls of functions; and how a model is brought to keep it.

A schema becomes a grammar that the engine holds its answer to. Functions take one of two ways. Where the model's own
template has a form for them, and it is left to the model whether it calls one, the engine writes and reads that form.
Everywhere else (a call is demanded, the template knows no tools, the answer has a schema as well) the definitions go
into the prompt, calls are held to a grammar, and read back from the text: that holds on any model.
"""

from typing import Any, Literal

import msgspec

from penstock.engines.engine import Endpoint
from penstock.engines.grammar import Grammar, GrammarCompiler
from penstock.errors import InvalidRequest
from penstock.inference import tool_prompt
from penstock.inference.kept_form import Words
from penstock.inference.kind import check_writes
from penstock.inference.tool_grammar import call_grammar
from penstock.protocol import json_schema
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import AssistantMessage, AudioPart, FilePart, ImagePart, Message, ToolMessage
from penstock.protocol.tools import JsonObjectFormat, JsonSchemaFormat, OpenFunction, ResponseFormat, Toolbox, toolbox

ANY_OBJECT: dict[str, Any] = {"type": "object"}
_ANSWER = "response_format.json_schema.schema"


class Form(msgspec.Struct, frozen=True):
    """What one request asks of the form of its answer. `schema` is that of the answer in words; None for plain text."""

    toolbox: Toolbox | None
    schema: Any | None


class Shaped(msgspec.Struct, frozen=True):
    """A request as its engine gets it, the grammar that its answer is held to, and where calls are to be found.

    `words` is what an answer without calls has to be.
    """

    request: ChatRequest
    grammar: str | None = None
    calls: Literal["none", "native", "written"] = "none"
    words: Words = "any"


def form_of(request: ChatRequest) -> Form:
    """What the request asks for. Raises InvalidRequest for a schema or a choice of tools that cannot be kept."""
    tools = toolbox(request.tools, request.tool_choice, parallel=request.parallel_tool_calls)
    return Form(tools, _answer_schema(request.response_format))


def _answer_schema(response_format: ResponseFormat | None) -> Any | None:
    if isinstance(response_format, JsonObjectFormat):
        return ANY_OBJECT
    if isinstance(response_format, JsonSchemaFormat):
        schema = response_format.json_schema.schema
        return json_schema.enforceable({} if schema is None else schema, param=_ANSWER)
    return None


class Shaper:
    """Brings requests into the form that their engine can keep."""

    def __init__(self, grammars: GrammarCompiler) -> None:
        self._grammars = grammars

    async def shape(self, request: ChatRequest, form: Form, endpoint: Endpoint) -> Shaped:
        """Raises InvalidRequest where the model cannot do what is asked, naming the field."""
        if form.toolbox is None and form.schema is None and _is_plain(request):
            check_writes(request.model, endpoint)
            return Shaped(request)
        _check_abilities(request, form, endpoint)
        tools, schema = form.toolbox, form.schema
        if tools is not None and not tools.must_call and schema is None and endpoint.abilities.tools:
            return Shaped(_with_open_tools(request, tools), calls="native")
        written = self._without_tools(request, endpoint, always=tools is not None)
        words: Words = "any" if schema is None else "json"
        if tools is not None:
            messages = tool_prompt.with_definitions(written.messages, tools)
            grammar = await self._call_grammar(tools, schema)
            words = "none" if tools.must_call else words
            return Shaped(msgspec.structs.replace(written, messages=messages), grammar, calls="written", words=words)
        if schema is not None:
            return Shaped(written, await self._grammars.compile(Grammar.json(schema), param=_ANSWER), words=words)
        return Shaped(written)

    async def _call_grammar(self, tools: Toolbox, schema: Any | None) -> str:
        """The grammar of calls. Where the engine does not take it, functions without `strict` give in."""
        try:
            return await self._grammars.compile(call_grammar(tools, schema), param="tools")
        except InvalidRequest:
            if schema is not None:
                await self._grammars.compile(Grammar.json(schema), param=_ANSWER)
            functions = tuple([await self._possible(function) for function in tools.functions])
            if functions == tools.functions:
                raise
            possible = msgspec.structs.replace(tools, functions=functions)
            return await self._grammars.compile(call_grammar(possible, schema), param="tools")

    async def _possible(self, function: OpenFunction) -> OpenFunction:
        """The function with parameters that the engine takes: any object, if it does not take those that were given.

        Raises InvalidRequest instead for one that asked for `strict`.
        """
        try:
            await self._grammars.compile(Grammar.json(function.enforced), param=function.param)
        except InvalidRequest:
            if function.strict:
                raise
            return msgspec.structs.replace(function, enforced=ANY_OBJECT)
        return function

    @staticmethod
    def _without_tools(request: ChatRequest, endpoint: Endpoint, *, always: bool) -> ChatRequest:
        messages = request.messages
        if always or not endpoint.abilities.tools:
            messages = tool_prompt.in_words(messages)
        return msgspec.structs.replace(request, messages=messages, tools=None, tool_choice=None)


def _is_plain(request: ChatRequest) -> bool:
    """Whether every engine that writes takes the request as it is: texts of people and models, nothing beside."""
    asked = (request.tools, request.tool_choice, request.reasoning_effort)
    if request.logprobs or asked != (None, None, None):
        return False
    for message in request.messages:
        if type(message.content) is not str or isinstance(message, ToolMessage):
            return False
        if isinstance(message, AssistantMessage) and message.tool_calls:
            return False
    return True


def _with_open_tools(request: ChatRequest, tools: Toolbox) -> ChatRequest:
    open_names = {function.name for function in tools.functions}
    kept = [tool for tool in request.tools or [] if tool.function.name in open_names]
    return msgspec.structs.replace(request, tools=kept, parallel_tool_calls=tools.parallel)


def _check_abilities(request: ChatRequest, form: Form, endpoint: Endpoint) -> None:
    check_writes(request.model, endpoint)
    can = endpoint.abilities
    effort = request.reasoning_effort not in (None, "none")
    for asked, able, name in (
        (request.logprobs, can.logprobs, "logprobs"),
        (effort, can.reasoning_effort, "reasoning_effort"),
        (form.toolbox is not None, can.grammar or can.tools, "tools"),
        (form.toolbox is not None and form.toolbox.must_call, can.grammar, "tool_choice"),
        (form.schema is not None, can.grammar, "response_format"),
    ):
        if asked and not able:
            refusal = f"{request.model} does not take {name}; leave it out, or choose another model."
            raise InvalidRequest(refusal, code="unsupported_parameter", param=name)
    for at, message in enumerate(request.messages):
        _check_parts(message, f"messages[{at}].content", images=can.images)


def _check_parts(message: Message, param: str, *, images: bool) -> None:
    if isinstance(message.content, str) or message.content is None:
        return
    for at, part in enumerate(message.content):
        if isinstance(part, AudioPart | FilePart) or (isinstance(part, ImagePart) and not images):
            kind = {ImagePart: "images", AudioPart: "sound", FilePart: "files"}[type(part)]
            raise InvalidRequest(
                f"This model reads text, not {kind}.", code="unsupported_content", param=f"{param}[{at}]"
            )
        if isinstance(part, ImagePart) and not part.image_url.url.startswith("data:image/"):
            raise InvalidRequest(
                "Send the image itself as a data: URL (data:image/png;base64,...); nothing is fetched from elsewhere.",
                param=f"{param}[{at}].image_url.url",
            )
