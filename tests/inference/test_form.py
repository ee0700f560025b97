"""The form of an answer: which of the ways a request takes on a model of such abilities, and what it is refused."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from penstock.engines.echo import Echo
from penstock.engines.engine import Abilities, Endpoint
from penstock.engines.grammar import GrammarCompiler
from penstock.engines.grammar_process import Compiler
from penstock.errors import InvalidRequest
from penstock.inference.form import Shaped, Shaper, form_of
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import ToolMessage, text_of

GRAMMAR = Abilities(grammar=True, logprobs=True)
NATIVE = Abilities(grammar=True, tools=True, logprobs=True, reasoning_effort=True)
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"properties": {"city": {"enum": ["Oslo"]}}}}}
    for name in ("weather", "time")
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "time"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
CALLED = [
    {"role": "user", "content": "Oslo?"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "Snow."},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grammars() -> AsyncIterator[GrammarCompiler]:
    compiler = GrammarCompiler()
    yield compiler
    await compiler.close()


def request(**fields: Any) -> ChatRequest:
    return msgspec.convert({"model": "m", "messages": [{"role": "user", "content": "Hi"}], **fields}, ChatRequest)


async def shape(grammars: GrammarCompiler, abilities: Abilities, **fields: Any) -> Shaped:
    asked = request(**fields)
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=64), 4, 64, 64, abilities)
    return await Shaper(grammars).shape(asked, form_of(asked), endpoint)


@pytest.mark.parametrize(
    ("abilities", "fields", "calls", "has_grammar"),
    [
        (GRAMMAR, {}, "none", False),
        (GRAMMAR, {"response_format": {"type": "text"}}, "none", False),
        (GRAMMAR, {"response_format": {"type": "json_object"}}, "none", True),
        (GRAMMAR, {"response_format": SCHEMA}, "none", True),
        (GRAMMAR, {"tools": TOOLS}, "written", True),
        (GRAMMAR, {"tools": TOOLS, "tool_choice": "none"}, "none", False),
        (GRAMMAR, {"tools": []}, "none", False),
        (NATIVE, {"tools": TOOLS}, "native", False),
        (NATIVE, {"tools": TOOLS, "tool_choice": "auto"}, "native", False),
        (NATIVE, {"tools": TOOLS, "tool_choice": ALLOWED}, "native", False),
        (NATIVE, {"tools": TOOLS, "tool_choice": "required"}, "written", True),
        (NATIVE, {"tools": TOOLS, "tool_choice": NAMED}, "written", True),
        (NATIVE, {"tools": TOOLS, "response_format": SCHEMA}, "written", True),
        (NATIVE, {"tools": TOOLS, "tool_choice": "none", "response_format": SCHEMA}, "none", True),
    ],
    ids=repr,
)
@pytest.mark.asyncio(loop_scope="module")
async def test_which_way_a_request_takes(
    grammars: GrammarCompiler, abilities: Abilities, fields: dict[str, Any], calls: str, has_grammar: bool
) -> None:
    shaped = await shape(grammars, abilities, **fields)
    assert (shaped.calls, shaped.grammar is not None) == (calls, has_grammar)
    assert (shaped.request.tools is not None) is (calls == "native"), "the engine gets tools by one way only"


@pytest.mark.asyncio(loop_scope="module")
async def test_the_engine_gets_the_tools_that_are_open(grammars: GrammarCompiler) -> None:
    shaped = await shape(grammars, NATIVE, tools=TOOLS, tool_choice=ALLOWED, parallel_tool_calls=False)
    assert [tool.function.name for tool in shaped.request.tools or []] == ["time"]
    assert shaped.request.parallel_tool_calls is False


@pytest.mark.asyncio(loop_scope="module")
async def test_written_calls_come_with_their_definitions(grammars: GrammarCompiler) -> None:
    shaped = await shape(grammars, GRAMMAR, tools=TOOLS, tool_choice=NAMED)
    system, user = shaped.request.messages
    assert "time" in text_of(system.content)
    assert "weather" not in text_of(system.content)
    assert text_of(user.content) == "Hi"
    assert shaped.grammar is not None
    assert "weather" not in shaped.grammar


@pytest.mark.parametrize(
    ("abilities", "fields", "in_words"),
    [
        (GRAMMAR, {}, True),
        (GRAMMAR, {"tools": TOOLS}, True),
        (NATIVE, {}, False),
        (NATIVE, {"tools": TOOLS}, False),
        (NATIVE, {"tools": TOOLS, "tool_choice": "required"}, True),
    ],
    ids=repr,
)
@pytest.mark.asyncio(loop_scope="module")
async def test_earlier_calls_are_told_in_the_form_that_the_model_reads(
    grammars: GrammarCompiler, abilities: Abilities, fields: dict[str, Any], in_words: bool
) -> None:
    shaped = await shape(grammars, abilities, messages=CALLED, **fields)
    assert any(isinstance(message, ToolMessage) for message in shaped.request.messages) is not in_words
    assert ("<tool_response>" in "".join(text_of(m.content) for m in shaped.request.messages)) is in_words


def image(url: str) -> dict[str, Any]:
    part = {"type": "image_url", "image_url": {"url": url}}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "See"}, part]}]}


PLAIN = Abilities()
SEES = Abilities(images=True)
SOUND = {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}
FILE = {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}


@pytest.mark.parametrize(
    ("abilities", "fields", "code", "param"),
    [
        (Abilities(chat=False), {}, "unsupported_model", "model"),
        (PLAIN, {"logprobs": True}, "unsupported_parameter", "logprobs"),
        (PLAIN, {"tools": TOOLS}, "unsupported_parameter", "tools"),
        (Abilities(tools=True), {"tools": TOOLS, "tool_choice": "required"}, "unsupported_parameter", "tool_choice"),
        (PLAIN, {"response_format": SCHEMA}, "unsupported_parameter", "response_format"),
        (PLAIN, {"reasoning_effort": "low"}, "unsupported_parameter", "reasoning_effort"),
        (PLAIN, image("data:image/png;base64,AA=="), "unsupported_content", "messages[0].content[1]"),
        (SEES, SOUND, "unsupported_content", "messages[0].content[0]"),
        (SEES, FILE, "unsupported_content", "messages[0].content[0]"),
        (SEES, image("https://example.com/a.png"), "invalid_value", "messages[0].content[1].image_url.url"),
        (SEES, image("file:///etc/passwd"), "invalid_value", "messages[0].content[1].image_url.url"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_model_cannot_do_is_refused_by_name(
    grammars: GrammarCompiler, abilities: Abilities, fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await shape(grammars, abilities, **fields)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("abilities", "fields"),
    [
        (PLAIN, {"reasoning_effort": "none", "tools": TOOLS, "tool_choice": "none", "logprobs": False}),
        (SEES, image("data:image/png;base64,AA==")),
        (NATIVE, {"reasoning_effort": "low", "logprobs": True}),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_asks_for_nothing_that_is_missing_is_taken(
    grammars: GrammarCompiler, abilities: Abilities, fields: dict[str, Any]
) -> None:
    assert (await shape(grammars, abilities, **fields)).calls == "none"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {**SCHEMA, "json_schema": {"name": "s", "schema": {"$ref": "http://x"}}}}, "schema.$ref"),
        ({"tools": [*TOOLS, TOOLS[0]]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_a_form_that_cannot_be_kept_is_refused_before_anything_runs(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        form_of(request(**fields))
    assert (refused.value.param or "").endswith(param)


def tool(name: str, parameters: Any, *, strict: bool | None = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, "strict": strict}}


IMPOSSIBLE = {"properties": {"a": {"type": "string", "pattern": "^ab$", "minLength": 5}}, "required": ["a"]}
CITY = {"properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"], "additionalProperties": False}


@pytest.mark.asyncio(loop_scope="module")
async def test_parameters_that_the_engine_does_not_take_are_any_object(grammars: GrammarCompiler) -> None:
    tools = [tool("good", CITY), tool("bad", IMPOSSIBLE), tool("strict", CITY, strict=True)]
    shaped = await shape(grammars, GRAMMAR, tools=tools, parallel_tool_calls=False)
    assert shaped.grammar is not None
    assert shaped.grammar.count("Oslo") == 2
    assert "minLength" not in shaped.grammar
    assert "minLength" in text_of(shaped.request.messages[0].content), "the model still sees them"


@pytest.mark.asyncio(loop_scope="module")
async def test_strict_parameters_that_the_engine_does_not_take_are_refused(grammars: GrammarCompiler) -> None:
    tools = [tool("good", CITY), tool("bad", IMPOSSIBLE, strict=True)]
    with pytest.raises(InvalidRequest, match="cannot be enforced") as refused:
        await shape(grammars, GRAMMAR, tools=tools)
    assert refused.value.param == "tools[1].function.parameters"


@pytest.mark.parametrize("fields", [{}, {"tools": [tool("good", CITY)]}], ids=["alone", "beside tools"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_schema_that_the_engine_does_not_take_is_refused(
    grammars: GrammarCompiler, fields: dict[str, Any]
) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": IMPOSSIBLE}}
    with pytest.raises(InvalidRequest, match="cannot be enforced") as refused:
        await shape(grammars, GRAMMAR, response_format=schema, **fields)
    assert refused.value.param == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "any"),
        ({"response_format": {"type": "json_object"}}, "json"),
        ({"response_format": SCHEMA}, "json"),
        ({"tools": TOOLS}, "any"),
        ({"tools": TOOLS, "response_format": SCHEMA}, "json"),
        ({"tools": TOOLS, "tool_choice": "required"}, "none"),
        ({"tools": TOOLS, "tool_choice": NAMED, "response_format": SCHEMA}, "none"),
    ],
    ids=repr,
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_an_answer_without_calls_has_to_be(
    grammars: GrammarCompiler, fields: dict[str, Any], words: str
) -> None:
    assert (await shape(grammars, GRAMMAR, **fields)).words == words


@pytest.mark.parametrize(
    "text", ["{}", '{"a": {"b": [1, null, {"c": "d"}]}, "e": -1.5e3}', '{"a": ' * 60 + "1" + "}" * 60]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_json_mode_is_any_object(grammars: GrammarCompiler, text: str) -> None:
    shaped = await shape(grammars, GRAMMAR, response_format={"type": "json_object"})
    assert shaped.grammar is not None
    for said, fits in ((text, True), (f"[{text}]", False), (f"{text} ", False), (text[:-1], False)):
        matcher = Compiler().matcher(shaped.grammar)
        assert matcher.accepts(said.encode()) is fits
        matcher.free()
