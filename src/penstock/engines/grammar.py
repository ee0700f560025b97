"""Grammars for the engine, and the compiler that tries them out before the engine sees them.

A grammar is text in the engine's own language, llguidance's variant of Lark. Inside the engine a grammar that fails is
dropped with a line in its log, and the answer goes on without one; so every grammar is compiled once in a process of
its own, which may be killed, and only what passes there is sent to the engine.
"""

import asyncio
import hashlib
import math
import os
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from penstock.engines.process import engine_environment
from penstock.errors import InternalError, InvalidRequest

_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""JSON as most of it is written, on one line: a small model cannot lose itself in blanks."""
_START_SECONDS = 30.0
_ANSWER_BYTES = 64 * 1024
_REMEMBERED = 4096
_TOO_SLOW_SECONDS = 60.0
"""How long a grammar that took too long is refused without another try: the machine may have been busy."""
_PLACE = re.compile(r"^at \d+\(\d+\): ")


@dataclass(frozen=True)
class Grammar:
    """A piece of a grammar. Pieces put together are a grammar again; `text` is the whole, as the engine takes it."""

    rule: str

    @classmethod
    def json(cls, schema: dict[str, Any]) -> "Grammar":
        """A JSON text that is valid under `schema`, which has the form that protocol/json_schema.py gives it."""
        return cls(f"%json {msgspec.json.encode({**schema, 'x-guidance': _STYLE}).decode()}")

    @classmethod
    def literal(cls, text: str) -> "Grammar":
        """This text alone."""
        return cls(_quoted(text))

    @classmethod
    def prose(cls, *, unlike: str) -> "Grammar":
        """Any text, also none, that does not begin with `unlike`, blanks before it or not."""
        rest = ".*"
        for char in reversed(unlike[1:]):
            rest = f"([^{_escaped(char)}].*|{_escaped(char)}{rest})?" if rest != ".*" else f"([^{_escaped(char)}].*)?"
        first = _escaped(unlike[0])
        return cls(rf"/(?s:[ \t\n]*([^ \t\n{first}].*|{first}{rest})?)/")

    @classmethod
    def either(cls, options: Iterable["Grammar"]) -> "Grammar":
        """One of `options`."""
        return cls("(" + " | ".join(option.rule for option in options) + ")")

    def then(self, following: "Grammar") -> "Grammar":
        """This, and `following` right after it."""
        return Grammar(f"{self.rule} {following.rule}")

    def times(self, least: int, most: int) -> "Grammar":
        """This, again and again; `most` is 1 or more."""
        return Grammar(f"({self.rule}){{{least},{most}}}")

    @property
    def text(self) -> str:
        """What goes into the field `grammar` of the engine's request."""
        return f"%llguidance {{}}\nstart: {self.rule}"


def _quoted(text: str) -> str:
    return "/" + "".join(map(_escaped, text)) + "/" if text else '""'


def _escaped(char: str) -> str:
    return char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):X}}}"


@dataclass(frozen=True)
class _Verdict:
    """The reason against a grammar, None where there is none; it holds `until` a moment of the compiler's clock."""

    error: str | None
    until: float


class GrammarCompiler:
    """A warm process that compiles grammars, one at a time, in order of arrival.

    It starts with the first grammar. A grammar that takes longer than `seconds` is refused, its process killed.
    """

    def __init__(self, *, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._known: OrderedDict[bytes, _Verdict] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[str | None]] = {}

    @property
    def pid(self) -> int | None:
        """The process that compiles; None before the first grammar, and after one that it did not survive."""
        return self._process.pid if self._process else None

    async def compile(self, grammar: Grammar, *, param: str) -> str:
        """`grammar.text`, once it is known that the engine takes it.

        Raises InvalidRequest with `param` where the engine would not, InternalError where it cannot be known.
        """
        text = grammar.text
        digest = hashlib.sha256(text.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(digest)
            error = known.error
        else:
            error = await self._compiled(digest, text)
        if error is not None:
            raise InvalidRequest(f"{param} {error}", param=param)
        return text

    async def close(self) -> None:
        """End the process, and with it whatever it compiles."""
        for task in self._running.values():
            task.cancel()
        if self._running:
            await asyncio.wait(self._running.values())
        await self._end()

    async def _compiled(self, digest: bytes, text: str) -> str | None:
        """The reason against a grammar. A caller who leaves does not stop what others may be waiting for."""
        task = self._running.get(digest)
        if task is None:
            task = asyncio.create_task(self._in_turn(digest, text), name="grammar")
            self._running[digest] = task
            task.add_done_callback(lambda done: self._done(digest, done))
        return await asyncio.shield(task)

    def _done(self, digest: bytes, task: asyncio.Task[str | None]) -> None:
        del self._running[digest]
        if not task.cancelled():
            task.exception()  # whoever waited has seen it; nobody may have

    async def _in_turn(self, digest: bytes, text: str) -> str | None:
        async with self._turn:
            process = self._process or await self._start()
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await _exchange(process, {"grammar": text})
            except TimeoutError:
                await self._end()
                error = "takes too long to compile; make it simpler."
                return self._remember(digest, error, until=self._clock() + _TOO_SLOW_SECONDS)
            except asyncio.CancelledError:
                await self._end()
                raise
            if answer is None:
                await self._end()
                return "cannot be compiled; make it simpler."
            return self._remember(digest, _explained(answer["error"]))

    def _remember(self, digest: bytes, error: str | None, *, until: float = math.inf) -> str | None:
        self._known[digest] = _Verdict(error, until)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return error

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "penstock.engines.grammar_process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a panic quotes what the client sent
            env=engine_environment(os.environ), limit=_ANSWER_BYTES,
            start_new_session=True,  # Ctrl-C in the terminal is for the server
        )  # fmt: skip
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await _answer(process)
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._end()
            if isinstance(error, asyncio.CancelledError):
                raise
            ready = None
        if ready is None:
            await self._end()
            raise InternalError("The grammar compiler does not start.")
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        assert process.stdin is not None
        process.stdin.close()


async def _exchange(process: asyncio.subprocess.Process, request: dict[str, str]) -> dict[str, Any] | None:
    """One line there, one line back; None when the process ended."""
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(request) + b"\n")
    with suppress(ConnectionError):
        await process.stdin.drain()
    return await _answer(process)


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any] | None:
    assert process.stdout is not None
    line = await process.stdout.readline()
    answer: dict[str, Any] | None = msgspec.json.decode(line) if line.endswith(b"\n") else None
    return answer


def _explained(error: str | None) -> str | None:
    """The compiler's reason, without where in the grammar's text it was found."""
    if error is None:
        return None
    reason = _PLACE.sub("", error.partition("\n")[0]).removeprefix("failed to compile JSON schema: ")
    reason = reason.partition(":  (")[0]  # a pattern as the engine has it, which is not what the client wrote
    return f"cannot be enforced: {reason[:300].rstrip('.')}."
