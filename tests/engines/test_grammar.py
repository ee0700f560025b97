"""Pieces of grammars put together, and the compiler that no grammar can hold up."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protocol.grammar_texts import compiler as native
from running_server import eventually

from penstock.engines.grammar import Grammar, GrammarCompiler
from penstock.errors import InternalError, InvalidRequest

OBJECT = Grammar.json({"type": "object"})
SLOW = Grammar.either(Grammar.literal(f"word {at}") for at in range(200_000))
"""Takes the engine's code a minute or so."""


def takes(grammar: Grammar, text: str) -> bool:
    matcher = native().matcher(grammar.text)
    try:
        return matcher.accepts(text.encode())
    finally:
        matcher.free()


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
@example('"', "\\")
@example("a/b", "a\\/b")
@example("<tool_call>{", "")
def test_a_literal_is_its_text_alone(text: str, other: str) -> None:
    assert takes(Grammar.literal(text), text)
    assert takes(Grammar.literal(text), other) is (text == other)


def test_either() -> None:
    grammar = Grammar.either([Grammar.literal("a"), Grammar.literal("bc")])
    assert [text for text in ("a", "bc", "abc", "b", "") if takes(grammar, text)] == ["a", "bc"]


def test_then() -> None:
    grammar = Grammar.either([Grammar.literal("a"), Grammar.literal("b")]).then(Grammar.literal("c"))
    assert [text for text in ("ac", "bc", "a", "c", "abc") if takes(grammar, text)] == ["ac", "bc"]


@pytest.mark.parametrize(("least", "most", "fits"), [(0, 2, [0, 1, 2]), (1, 3, [1, 2, 3]), (2, 2, [2])])
def test_times(least: int, most: int, fits: list[int]) -> None:
    grammar = Grammar.literal("ab").times(least, most)
    assert [count for count in range(5) if takes(grammar, "ab" * count)] == fits


def test_pieces_keep_together_whatever_is_done_with_them() -> None:
    pair = Grammar.literal("a").then(Grammar.literal("b"))
    grammar = Grammar.either([pair.times(2, 2), pair]).then(Grammar.literal("!"))
    assert [text for text in ("ab!", "abab!", "aab!", "abb!", "a!", "ab") if takes(grammar, text)] == ["ab!", "abab!"]


@pytest.mark.parametrize("value", [{"a": [1, {"b": None}]}, {}, {"é😀": "\n"}])
def test_json_is_written_on_one_line(value: object) -> None:
    assert takes(OBJECT, json.dumps(value, ensure_ascii=False))
    assert not takes(OBJECT, json.dumps(value, indent=2) + " ")
    assert not takes(OBJECT, "[]")


def test_json_between_other_pieces() -> None:
    grammar = Grammar.literal("<").then(OBJECT).then(Grammar.literal(">"))
    assert takes(grammar, '<{"a": ">"}>')
    assert not takes(grammar, '<{"a": ">"}')


OPEN = "<tool_call>"
BEGINNINGS = st.sampled_from([OPEN[:at] for at in range(len(OPEN) + 1)])


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from(" \t\n"), max_size=2), BEGINNINGS, st.text(st.sampled_from("<tol_ca> \né{"), max_size=6))
@example("", OPEN, "")
@example("\n ", OPEN, "{}")
@example("", "<tool_cal", "x")
def test_prose_is_all_that_does_not_begin_like_a_call(blanks: str, beginning: str, rest: str) -> None:
    text = blanks + beginning + rest
    assert takes(Grammar.prose(unlike=OPEN), text) is not text.lstrip(" \t\n").startswith(OPEN)


@pytest.fixture
async def compiler() -> AsyncIterator[GrammarCompiler]:
    compiler = GrammarCompiler()
    yield compiler
    await compiler.close()


@pytest.fixture
async def hasty() -> AsyncIterator[GrammarCompiler]:
    compiler = GrammarCompiler(seconds=0.3)
    yield compiler
    await compiler.close()


async def test_a_grammar_that_compiles_is_given_back_as_text(compiler: GrammarCompiler) -> None:
    assert await compiler.compile(OBJECT, param="response_format") == OBJECT.text
    pid = compiler.pid
    assert pid is not None
    assert await compiler.compile(Grammar.literal("a"), param="tools") == Grammar.literal("a").text
    assert compiler.pid == pid


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        (Grammar.json({"type": "string", "minLength": 2, "maxLength": 1}), "Unsatisfiable schema"),
        (Grammar.json({"type": "number", "maximum": -1.5, "multipleOf": 0.5}), "nothing can go on"),
        (Grammar.json({"type": "string", "pattern": "^(a.){1,30}$", "minLength": 200}), "cannot be enforced"),
        (Grammar("nonsense {"), "cannot be enforced"),
    ],
    ids=["empty", "dead end", "pattern", "syntax"],
)
async def test_a_refusal_says_why_and_nothing_of_the_grammars_text(
    compiler: GrammarCompiler, grammar: Grammar, words: str
) -> None:
    for _ in range(2):  # the second time it is remembered
        with pytest.raises(InvalidRequest) as refused:
            await compiler.compile(grammar, param="response_format")
        error = refused.value
        assert error.param == "response_format"
        assert words in error.message
        assert error.message.startswith("response_format cannot be enforced: ")
        assert error.message.endswith(".")
        assert not any(
            trace in error.message for trace in ("at 2(", "%json", "x-guidance", "\n", "SearchRegex", "<state>")
        )


async def test_the_same_grammar_is_refused_under_each_callers_name(compiler: GrammarCompiler) -> None:
    for param in ("tools", "response_format"):
        with pytest.raises(InvalidRequest) as refused:
            await compiler.compile(Grammar("nonsense {"), param=param)
        assert refused.value.param == param


async def test_a_slow_grammar_is_killed_and_the_next_one_compiles(hasty: GrammarCompiler) -> None:
    await hasty.compile(OBJECT, param="response_format")
    first, begun = hasty.pid, time.monotonic()
    with pytest.raises(InvalidRequest, match="takes too long to compile") as refused:
        await hasty.compile(SLOW, param="tools")
    assert refused.value.param == "tools"
    assert time.monotonic() - begun < 10
    assert first is not None
    assert not psutil.pid_exists(first)
    assert hasty.pid is None
    assert await hasty.compile(Grammar.literal("next"), param="tools")
    assert hasty.pid not in (None, first)


async def test_a_slow_grammar_is_refused_for_a_minute_without_another_try() -> None:
    now = 0.0
    hasty = GrammarCompiler(seconds=0.3, clock=lambda: now)
    tried: list[int | None] = []
    for now in (0.0, 59.9, 60.0):
        await hasty.compile(Grammar.literal(str(now)), param="tools")  # the compiler is up before the slow one comes
        with pytest.raises(InvalidRequest, match="takes too long to compile"):
            await hasty.compile(SLOW, param="tools")
        tried.append(hasty.pid)
    await hasty.close()
    assert [pid is None for pid in tried] == [True, False, True]  # it was killed where there was a try


async def test_a_process_that_is_killed_is_started_anew(compiler: GrammarCompiler) -> None:
    await compiler.compile(OBJECT, param="response_format")
    first = compiler.pid
    assert first is not None
    waiting = asyncio.create_task(compiler.compile(SLOW, param="tools"))
    await asyncio.sleep(0.05)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(InvalidRequest, match="cannot be compiled"):
        await waiting
    assert await compiler.compile(Grammar.literal("next"), param="tools")
    assert compiler.pid not in (None, first)


def under_way() -> int:
    return sum(task.get_name() == "grammar" for task in asyncio.all_tasks())


async def test_callers_of_the_same_grammar_compile_it_once(compiler: GrammarCompiler) -> None:
    same = [asyncio.create_task(compiler.compile(OBJECT, param="response_format")) for _ in range(5)]
    other = asyncio.create_task(compiler.compile(Grammar.literal("a"), param="tools"))
    await asyncio.sleep(0)
    assert under_way() == 2
    assert await asyncio.gather(*same) == [OBJECT.text] * 5
    await other
    assert under_way() == 0
    await compiler.compile(OBJECT, param="response_format")
    assert under_way() == 0


async def test_a_caller_who_leaves_stops_nobody_else(compiler: GrammarCompiler) -> None:
    leaving = asyncio.create_task(compiler.compile(OBJECT, param="response_format"))
    staying = asyncio.create_task(compiler.compile(OBJECT, param="response_format"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == OBJECT.text


async def test_a_caller_who_leaves_alone_leaves_the_result_to_the_next(compiler: GrammarCompiler) -> None:
    leaving = asyncio.create_task(compiler.compile(Grammar("nonsense {"), param="tools"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(InvalidRequest):
        await compiler.compile(Grammar("nonsense {"), param="tools")


async def test_closing_ends_the_process_in_the_middle_of_a_grammar() -> None:
    compiler = GrammarCompiler()
    await compiler.compile(OBJECT, param="response_format")
    pid = compiler.pid
    assert pid is not None
    waiting = asyncio.create_task(compiler.compile(SLOW, param="tools"))
    await asyncio.sleep(0.05)
    await compiler.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    eventually(lambda: not psutil.pid_exists(pid))
    await compiler.close()


async def test_no_secret_is_in_its_environment(compiler: GrammarCompiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "canary-1")
    monkeypatch.setenv("OPENAI_API_KEY", "canary-2")
    await compiler.compile(Grammar.json({"const": "canary-3"}), param="response_format")
    assert compiler.pid is not None
    process = psutil.Process(compiler.pid)
    assert "canary" not in " ".join(process.cmdline()) + str(process.environ())


async def test_a_compiler_that_does_not_start(
    compiler: GrammarCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('not on this machine')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(InternalError, match="does not start"):
        await compiler.compile(OBJECT, param="response_format")
    monkeypatch.undo()
    assert await compiler.compile(OBJECT, param="response_format")
