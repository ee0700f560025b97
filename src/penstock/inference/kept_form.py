"""Whether a finished answer has the form that its engine had to hold it to.

At one of its limits the engine drops a grammar, with a line in its log, and goes on without it. Such grammars are
refused before they reach it (engines/grammar.py), as far as a trial can tell; for the rest, an error is better than
JSON that is none.
"""

from typing import Literal

import msgspec

from penstock.engines.engine import Piece
from penstock.errors import EngineError

Words = Literal["any", "json", "none"]
"""What an answer without calls of functions has to be; `none` where there must be a call."""


class KeptForm:
    """Reads one choice along, calls already read out of its text, and looks at it when the engine has finished it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}

    def take(self, piece: Piece) -> None:
        """Raises EngineError at the end of an answer that is not of its form. One cut off at its length may be so."""
        if self._words == "json":
            self._text.append(piece.content)
        for call in piece.calls or ():
            self._calls.setdefault(call.index, []).append(call.arguments)
        if piece.finish_reason == "stop" and not self._kept():
            raise EngineError("The engine finished an answer that is not of the form it was held to; try again.")

    def _kept(self) -> bool:
        if self._calls:
            return all(map(_is_json, self._calls.values()))
        return self._words == "any" or (self._words == "json" and _is_json(self._text))


def _is_json(parts: list[str]) -> bool:
    try:
        msgspec.json.decode("".join(parts))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
