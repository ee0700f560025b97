"""The grammar that an answer with functions is held to: calls, or an answer that does not begin like one."""

from typing import Any

from penstock.engines.grammar import Grammar
from penstock.inference.tool_prompt import CLOSE, OPEN
from penstock.protocol.tools import OpenFunction, Toolbox

MAX_CALLS = 16
"""Calls in one answer. A small model that is let go on calls for ever."""


def call_grammar(tools: Toolbox, answer: Any | None) -> Grammar:
    """The grammar. `answer` is the schema of an answer without calls, None for free words."""
    call = Grammar.either(map(_call, tools.functions))
    calls = call.then(Grammar.literal("\n").then(call).times(0, MAX_CALLS - 1)) if tools.parallel else call
    if tools.must_call:
        return calls
    return Grammar.either([calls, Grammar.prose(unlike=OPEN) if answer is None else Grammar.json(answer)])


def _call(function: OpenFunction) -> Grammar:
    head = Grammar.literal(f'{OPEN}{{"name": "{function.name}", "arguments": ')
    return head.then(Grammar.json(function.enforced)).then(Grammar.literal("}" + CLOSE))
