"""An answer as the newer APIs have it: reasoning, text and calls of functions, block after block."""

from dataclasses import dataclass
from typing import Literal

from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.protocol.answer import TokenLogprob

Kind = Literal["reasoning", "text", "call"]


class Block:
    """One block while it grows. The text of a call is that of its arguments."""

    def __init__(self, index: int, kind: Kind, *, call_id: str = "", name: str = "") -> None:
        self.index = index
        self.kind = kind
        self.call_id = call_id
        self.name = name
        self.logprobs: list[TokenLogprob] = []
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def grow(self, text: str, logprobs: list[TokenLogprob]) -> None:
        self._parts.append(text)
        self.logprobs += logprobs


@dataclass(frozen=True)
class Change:
    """What happened to a block: it began, it grew by `text`, or it ended."""

    what: Literal["began", "grew", "ended"]
    block: Block
    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()


class Blocks:
    """Sorts the pieces of an answer's only choice into blocks, each of which ends before the next begins."""

    def __init__(self) -> None:
        self.all: list[Block] = []
        self.finish_reason: str | None = None
        self.stop_reason: str | None = None
        self._open: Block | None = None
        self._changes: list[Change] = []

    def take(self, piece: Piece) -> list[Change]:
        """What `piece` changes, in the order in which a client should hear of it."""
        if piece.reasoning:
            self._grow(self._block("reasoning"), piece.reasoning)
        if piece.content or piece.logprobs:
            self._grow(self._block("text"), piece.content, piece.logprobs or [])
        for call in piece.calls or ():
            if call.name:
                self._begin("call", call_id=call.id, name=call.name)
            if call.arguments and self._open is not None and self._open.kind == "call":
                self._grow(self._open, call.arguments)
        if piece.finish_reason:
            self.finish_reason, self.stop_reason = piece.finish_reason, piece.stop_reason
            if not self.all:
                self._begin("text")  # an answer that says nothing says so
            self._end()
        changes, self._changes = self._changes, []
        return changes

    def is_complete(self, block: Block) -> bool:
        """Whether the model said the block to its end, as far as the pieces so far tell."""
        return block is not self.all[-1] or self.finish_reason in ("stop", "tool_calls")

    def _block(self, kind: Literal["reasoning", "text"]) -> Block:
        return self._open if self._open is not None and self._open.kind == kind else self._begin(kind)

    def _begin(self, kind: Kind, *, call_id: str = "", name: str = "") -> Block:
        self._end()
        block = self._open = Block(len(self.all), kind, call_id=call_id, name=name)
        self.all.append(block)
        self._changes.append(Change("began", block))
        return block

    def _grow(self, block: Block, text: str, logprobs: list[TokenLogprob] | None = None) -> None:
        block.grow(text, logprobs or [])
        self._changes.append(Change("grew", block, text, tuple(logprobs or ())))

    def _end(self) -> None:
        if self._open is not None:
            self._changes.append(Change("ended", self._open))
            self._open = None


async def read_blocks(completion: Completion) -> Blocks:
    """The whole answer, read to its end."""
    blocks = Blocks()
    while (pieces := await completion.read()) is not None:
        for piece in pieces:
            blocks.take(piece)
    return blocks
