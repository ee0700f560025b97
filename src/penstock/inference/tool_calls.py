"""Calls of functions read back from an answer's text, while it comes.

The text is that of tool_grammar.py, which the engine was held to: calls and nothing else, or an answer that does not
begin like a call.
"""

import re
import uuid

from penstock.engines.engine import CallPiece
from penstock.inference.tool_prompt import CLOSE, OPEN

_HEAD = re.compile(r'\s*<tool_call>\{"name": "([^"]+)", "arguments": ')
_TAIL = "}" + CLOSE
_MARK = re.compile(r'["\\{}\[\]]')


def new_call_id() -> str:
    """The id of a call, in the form that OpenAI's have."""
    return f"call_{uuid.uuid4().hex[:24]}"


class JsonEnd:
    """Finds the end of one JSON object or array in a text that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def find(self, text: str) -> int | None:
        """How much of `text` belongs to the value; None while all of it does and the value goes on."""
        at = 0
        if self._escaped and text:
            self._escaped, at = False, 1
        while mark := _MARK.search(text, at):
            at = mark.end()
            character = mark.group()
            if self._in_string:
                if character == "\\":
                    self._escaped = at == len(text)
                    at += 1
                elif character == '"':
                    self._in_string = False
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth == 0:
                    return at
        return None


class WrittenCalls:
    """Divides the text of one choice into words and calls."""

    def __init__(self) -> None:
        self._held = ""
        self._in_words = False
        self._calls = 0
        self._arguments: JsonEnd | None = None
        self._after_call = False

    @property
    def called(self) -> bool:
        """Whether there was a call."""
        return self._calls > 0

    def feed(self, text: str) -> tuple[str, list[CallPiece]]:
        """The words and the pieces of calls that `text` completes."""
        if self._in_words:
            return text, []
        self._held += text
        if not self._calls:
            begun = self._held.lstrip()
            if not OPEN.startswith(begun[: len(OPEN)]):
                self._in_words = True
                return self.rest(), []
        pieces: list[CallPiece] = []
        while self._step(pieces):
            pass
        return "", pieces

    def rest(self) -> str:
        """What was held back as the possible beginning of a call, once it is sure that none comes."""
        rest, self._held = self._held, ""
        return "" if self._calls else rest

    def _step(self, pieces: list[CallPiece]) -> bool:
        """Take the next part of a call out of what is held; whether there may be more."""
        if self._after_call:
            if len(self._held) < len(_TAIL):
                return False
            self._held, self._after_call = self._held[len(_TAIL) :], False
        if self._arguments is None:
            head = _HEAD.match(self._held)
            if head is None:
                return False
            pieces.append(CallPiece(self._calls, new_call_id(), head.group(1)))
            self._held = self._held[head.end() :]
            self._calls += 1
            self._arguments = JsonEnd()
        end = self._arguments.find(self._held)
        part = self._held if end is None else self._held[:end]
        if part:
            pieces.append(CallPiece(self._calls - 1, arguments=part))
        self._held = self._held[len(part) :]
        if end is not None:
            self._arguments, self._after_call = None, True
        return end is not None
