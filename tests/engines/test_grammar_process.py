"""The process that tries grammars out, as the server starts it, and the compiler in it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from running_server import eventually

from penstock.engines.grammar import Grammar
from penstock.engines.grammar_process import Compiler, Refused

END = 256
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "penstock.engines.grammar_process"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return Compiler()


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "penstock.engines.grammar_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert answer(process) == {"error": None}
        yield process
        process.kill()


def answer(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def asked(process: subprocess.Popen[bytes], grammar: str) -> str | None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"grammar": grammar}).encode() + b"\n")
    process.stdin.flush()
    error: str | None = answer(process)["error"]
    return error


class TestCompiler:
    def test_bytes_that_may_come_next(self, compiler: Compiler) -> None:
        matcher = compiler.matcher(Grammar.either([Grammar.literal("ab"), Grammar.literal("a")]).text)
        assert matcher.allowed() == [ord("a")]
        assert matcher.consume(ord("a"))
        assert matcher.allowed() == [ord("b"), END]
        assert matcher.consume(ord("b"))
        assert matcher.allowed() == [END]
        matcher.free()

    def test_a_byte_that_does_not_fit(self, compiler: Compiler) -> None:
        matcher = compiler.matcher(Grammar.literal("ab").text)
        assert not matcher.consume(ord("b"))
        matcher.free()

    @pytest.mark.parametrize(("text", "fits"), [(b"ab", True), (b"a", False), (b"abc", False), (b"", False)])
    def test_whole_texts(self, compiler: Compiler, text: bytes, fits: bool) -> None:
        matcher = compiler.matcher(Grammar.literal("ab").text)
        assert matcher.accepts(text) is fits
        matcher.free()

    def test_a_character_is_its_bytes(self, compiler: Compiler) -> None:
        matcher = compiler.matcher(Grammar.literal("é").text)
        assert matcher.allowed() == [0xC3]
        assert matcher.accepts("é".encode())
        matcher.free()

    @pytest.mark.parametrize(
        "grammar",
        [
            "",
            "nonsense",
            "%llguidance {}\n",
            "%llguidance {}\nstart: other",
            "%llguidance {}\nstart: %json {",
            "\0",
            "é",
        ],
    )
    def test_what_is_no_grammar(self, compiler: Compiler, grammar: str) -> None:
        with pytest.raises(Refused, match=r"\S"):
            compiler.check(grammar)

    def test_json_may_hold_a_zero_character(self, compiler: Compiler) -> None:
        compiler.check(Grammar.json({"const": "a\0b"}).text)

    @pytest.mark.parametrize(
        ("schema", "why"),
        [
            ({"type": "string", "minLength": 2, "maxLength": 1}, "Unsatisfiable"),
            ({"type": "object", "properties": {"a": {"$ref": "#/$defs/nothing"}}}, r"nothing"),
            ({"not": {}}, "not"),
            # Nothing can follow here, and the engine notices only when it comes to it.
            ({"type": "number", "maximum": -1.5, "multipleOf": 0.5}, "from where nothing can go on"),
            (
                {
                    "type": "object",
                    "properties": {
                        "a": {"type": "string"},
                        "z": {"type": "number", "maximum": -1.5, "multipleOf": 0.5},
                    },
                    "required": ["a"],
                    "additionalProperties": False,
                },
                "from where nothing can go on",
            ),
        ],
        ids=["empty", "no definition", "not", "dead end", "dead end in the last property"],
    )
    def test_a_schema_that_the_engine_would_drop(self, compiler: Compiler, schema: dict[str, Any], why: str) -> None:
        with pytest.raises(Refused, match=why):
            compiler.check(Grammar.json(schema).text)

    def test_a_grammar_that_is_too_wide_for_the_parser(self, compiler: Compiler) -> None:
        words = Grammar.either(Grammar.literal(f"w{at}") for at in range(2500))
        with pytest.raises(Refused, match="max is 2000"):
            compiler.check(words.text)

    def test_a_trial_ends_also_where_the_answer_need_not(self, compiler: Compiler) -> None:
        for schema in (
            {},
            {"type": "object"},
            {"type": "array", "minItems": 1000},
            {"type": "string", "minLength": 9000},
        ):
            compiler.check(Grammar.json(schema).text)


class TestProcess:
    def test_it_answers_each_line_and_outlives_what_it_refuses(self, process: subprocess.Popen[bytes]) -> None:
        good = Grammar.json({"type": "object"}).text
        assert asked(process, good) is None
        error = asked(process, "nonsense")
        assert error
        assert asked(process, "%llguidance {}\nstart: " + "(" * 50_000) is not None
        assert asked(process, Grammar.literal("é😀\n\0").text) is None
        assert asked(process, good) is None

    def test_a_long_error_is_cut(self, process: subprocess.Popen[bytes]) -> None:
        error = asked(process, "nonsense " * 5000)
        assert error is not None
        assert 0 < len(error) <= 2000

    def test_its_memory_is_bounded(self, process: subprocess.Popen[bytes]) -> None:
        assert psutil.Process(process.pid).rlimit(psutil.RLIMIT_AS) == (2 << 30, 2 << 30)

    def test_it_ends_when_its_input_does(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0

    def test_it_ends_with_its_parent(self) -> None:
        with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert psutil.pid_exists(pid)
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait()
        eventually(lambda: not psutil.pid_exists(pid))
