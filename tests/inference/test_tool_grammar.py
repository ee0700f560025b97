"""What the engine may say where there are functions: tried with the parser that the engine itself runs."""

import json
from typing import Any

import pytest

from penstock.engines.grammar_process import Compiler
from penstock.inference.tool_grammar import MAX_CALLS, call_grammar
from penstock.protocol.tools import Function, Tool, ToolChoice, toolbox

CITY = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Lima"]}}, "required": ["city"]}
OPEN = {"type": "object", "additionalProperties": False}
OSLO = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'
NOW = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
ROME = OSLO.replace("Oslo", "Rome")
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return Compiler()


def accepts(
    compiler: Compiler, text: str, *, choice: ToolChoice | None = None, parallel: bool = True, answer: Any = None
) -> bool:
    tools = [
        Tool(Function(name="weather", parameters=CITY, strict=True)),
        Tool(Function(name="now", parameters=OPEN, strict=True)),
    ]
    opened = toolbox(tools, choice, parallel=parallel)
    assert opened is not None
    matcher = compiler.matcher(call_grammar(opened, answer).text)
    try:
        return matcher.accepts(text.encode())
    finally:
        matcher.free()


@pytest.mark.parametrize(
    ("text", "options", "accepted"),
    [
        (OSLO, {}, True),
        (NOW, {}, True),
        (f"{OSLO}\n{NOW}", {}, True),
        ("It snows.", {}, True),
        ("", {}, True),
        ("<tool>It</tool>", {}, True),
        (ROME, {}, False),
        (OSLO.replace("weather", "other"), {}, False),
        (OSLO + " and more", {}, False),
        ("First " + OSLO, {}, True),  # an answer in words may speak of calls; it is none
        (f" {ROME}", {}, False),
        (OSLO, {"choice": "required"}, True),
        ("It snows.", {"choice": "required"}, False),
        ("", {"choice": "required"}, False),
        (f"{OSLO}\n{NOW}", {"parallel": False}, False),
        (f"{OSLO}\n{NOW}", {"choice": "required", "parallel": False}, False),
        ("\n".join([NOW] * MAX_CALLS), {}, True),
        ("\n".join([NOW] * (MAX_CALLS + 1)), {}, False),
        (json.dumps({"ok": True}), {"answer": SCHEMA}, True),
        (NOW, {"answer": SCHEMA}, True),
        ("It snows.", {"answer": SCHEMA}, False),
        (json.dumps({"ok": True}), {"choice": "required", "answer": SCHEMA}, False),
    ],
)
def test_what_the_model_can_say(compiler: Compiler, text: str, options: dict[str, Any], accepted: bool) -> None:
    assert accepts(compiler, text, **options) is accepted
