"""Tools: what stands open to the model for each choice, and what is no set of tools."""

from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest
from penstock.protocol.tools import ResponseFormat, Tool, Toolbox, ToolChoice, toolbox

OPEN = {"type": "object", "properties": {"city": {"type": "string"}}}


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


TOOLS = [tool("f", description="About f.", parameters=OPEN), tool("g")]
ONE = {"type": "function", "function": {"name": "g"}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def opened(tools: Any = None, choice: Any = None, parallel: bool | None = None) -> Toolbox | None:
    return toolbox(
        msgspec.convert(tools, list[Tool] | None), msgspec.convert(choice, ToolChoice | None), parallel=parallel
    )


@pytest.mark.parametrize(
    ("choice", "names", "must_call", "parallel"),
    [
        (None, ["f", "g"], False, True),
        ("auto", ["f", "g"], False, True),
        ("required", ["f", "g"], True, True),
        (ONE, ["g"], True, False),
        (allowed("auto", "g"), ["g"], False, True),
        (allowed("required", "g", "f"), ["g", "f"], True, True),
        (allowed("required", "g", "g"), ["g"], True, True),
    ],
    ids=str,
)
def test_what_stands_open(choice: Any, names: list[str], must_call: bool, parallel: bool) -> None:
    box = opened(TOOLS, choice)
    assert box is not None
    assert [function.name for function in box.functions] == names
    assert (box.must_call, box.parallel) == (must_call, parallel)
    alone = opened(TOOLS, choice, parallel=False)
    assert alone is not None
    assert alone.parallel is False


@pytest.mark.parametrize(("tools", "choice"), [(None, None), ([], "auto"), ([], None), (TOOLS, "none"), (None, "none")])
def test_where_nothing_stands_open(tools: Any, choice: Any) -> None:
    assert opened(tools, choice) is None


def test_a_function_is_told_as_given_and_enforced_as_it_can_be() -> None:
    box = opened([TOOLS[0], tool("g", parameters={**OPEN, "not": {}})])
    assert box is not None
    f, g = box.functions
    assert (f.description, f.parameters) == ("About f.", OPEN)
    assert g.parameters["not"] == {}
    assert "not" not in g.enforced, "what cannot be enforced is left out where strict was not asked for"


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}])
def test_a_function_without_parameters_takes_an_empty_object(parameters: Any) -> None:
    box = opened([tool("f", parameters=parameters)])
    assert box is not None
    (function,) = box.functions
    assert function.parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([*TOOLS, TOOLS[0]], None, "tools"),
        (None, "required", "tool_choice"),
        ([], ONE, "tool_choice"),
        (TOOLS, {"type": "function", "function": {"name": "h"}}, "tool_choice.function.name"),
        (TOOLS, allowed("auto", "f", "h"), "tool_choice.allowed_tools.tools"),
        ([tool("f", parameters={"type": "array"})], None, "tools[0].function.parameters.type"),
        ([TOOLS[1], tool("f", parameters={"not": {}}, strict=True)], None, "tools[1].function.parameters.not"),
        ([tool("f", parameters={"$ref": "http://x"})], None, "tools[0].function.parameters.$ref"),
    ],
)
def test_what_is_no_set_of_tools(tools: Any, choice: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        opened(tools, choice)
    assert (refused.value.code, refused.value.param) == ("invalid_value", param)


@pytest.mark.parametrize(
    "name",
    ["", "a b", "f" * 65, "f\n", 'f"', "ü", "f<"],
    ids=["empty", "blank", "long", "line", "quote", "umlaut", "<"],
)
def test_a_name_is_of_letters_digits_and_a_few_signs(name: str) -> None:
    """A name stands inside prompts and grammars; none can break out of either."""
    with pytest.raises(msgspec.ValidationError):
        opened([tool(name)])


@pytest.mark.parametrize(
    "given",
    [
        "any",
        {"type": "function"},
        {"type": "custom", "custom": {"name": "x"}},
        allowed("none", "f"),
        allowed("auto"),
        {**ONE, "grammar": "x"},
    ],
    ids=str,
)
def test_what_is_no_choice(given: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        opened(TOOLS, given)


@pytest.mark.parametrize(
    "given",
    [
        {"type": "xml"},
        {"type": "text", "schema": {}},
        {"type": "json_object", "schema": {}},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"schema": {}}},
        {"type": "json_schema", "json_schema": {"name": "a b"}},
        {"type": "grammar", "grammar": "root ::= x"},
    ],
    ids=str,
)
def test_what_is_no_format(given: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, ResponseFormat)
