"""What function calling and structured output look like on the wire: definitions of tools, the choice, the format."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol import json_schema
from penstock.protocol.messages import FunctionName

MAX_TOOLS = 128

SchemaName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]


class Function(Struct, forbid_unknown_fields=True, kw_only=True):
    """A function that the model may call. Without `strict` its parameters are enforced as far as that can be done."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """A tool; functions are the only kind."""

    function: Function


class FunctionReference(Struct, forbid_unknown_fields=True):
    name: FunctionName


class NamedTool(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """The one function that has to be called."""

    function: FunctionReference


class AllowedTools(Struct, forbid_unknown_fields=True):
    """Which of the tools may be called this time; so the list of tools can stay the same over a conversation."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Meta(min_length=1, max_length=MAX_TOOLS)]


class AllowedChoice(Struct, tag_field="type", tag="allowed_tools", forbid_unknown_fields=True):
    allowed_tools: AllowedTools


ToolChoice = Literal["none", "auto", "required"] | NamedTool | AllowedChoice


class TextFormat(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """Plain text, which is the default."""


class JsonObjectFormat(Struct, tag_field="type", tag="json_object", forbid_unknown_fields=True):
    """Any JSON object."""


class NamedSchema(Struct, forbid_unknown_fields=True, kw_only=True):
    """A JSON schema. It is always enforced, whatever `strict` says."""

    name: SchemaName
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class JsonSchemaFormat(Struct, tag_field="type", tag="json_schema", forbid_unknown_fields=True):
    """JSON that follows a schema."""

    json_schema: NamedSchema


ResponseFormat = TextFormat | JsonObjectFormat | JsonSchemaFormat


class OpenFunction(Struct, frozen=True, kw_only=True):
    """A function that may be called. `parameters` is the schema as given, `enforced` what of it a grammar can hold.

    `param` is where the parameters stand in the request.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    enforced: Any
    strict: bool
    param: str


class Toolbox(Struct, frozen=True):
    """What may be called in one request, and whether anything must be."""

    functions: tuple[OpenFunction, ...]
    must_call: bool
    parallel: bool


def toolbox(tools: list[Tool] | None, choice: ToolChoice | None, *, parallel: bool | None) -> Toolbox | None:
    """The tools that stand open to the model; None where it may call nothing.

    Raises InvalidRequest where a name stands for two functions or none, a schema is none that is taken, or a choice
    comes without tools.
    """
    functions = {tool.function.name: _opened(tool.function, at) for at, tool in enumerate(tools or [])}
    if len(functions) != len(tools or []):
        raise InvalidRequest("Two tools have the same name; give each its own.", param="tools")
    if not functions and choice not in (None, "none", "auto"):
        raise InvalidRequest("tool_choice goes with tools only.", param="tool_choice")
    if not functions or choice == "none":
        return None
    if isinstance(choice, NamedTool):
        named = _named(functions, choice.function.name, param="tool_choice.function.name")
        return Toolbox((named,), must_call=True, parallel=False)
    if isinstance(choice, AllowedChoice):
        allowed = choice.allowed_tools
        names = dict.fromkeys(tool.function.name for tool in allowed.tools)
        chosen = tuple(_named(functions, name, param="tool_choice.allowed_tools.tools") for name in names)
        return Toolbox(chosen, must_call=allowed.mode == "required", parallel=parallel is not False)
    return Toolbox(tuple(functions.values()), must_call=choice == "required", parallel=parallel is not False)


def _named(functions: dict[str, OpenFunction], name: str, *, param: str) -> OpenFunction:
    if name not in functions:
        raise InvalidRequest(f"There is no tool named {name} in tools.", param=param)
    return functions[name]


def _opened(function: Function, at: int) -> OpenFunction:
    param = f"tools[{at}].function.parameters"
    schema = {"properties": {}, **(function.parameters or {}), "type": "object"}
    if (function.parameters or {}).get("type", "object") != "object":
        raise InvalidRequest("The parameters of a function are an object.", param=f"{param}.type")
    keep = json_schema.enforceable if function.strict else json_schema.relaxed
    return OpenFunction(
        name=function.name,
        description=function.description or "",
        parameters=schema,
        enforced=keep(schema, param=param),
        strict=bool(function.strict),
        param=param,
    )
