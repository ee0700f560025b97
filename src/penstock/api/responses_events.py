"""A response as the events of OpenAI's stream.

Each event names its `type`, in a line of its own too, and has the next `sequence_number`.
"""

from typing import Any

from penstock.api.blocks import Block, Blocks, Change
from penstock.api.responses_render import ResponseRenderer
from penstock.engines.engine import Piece
from penstock.errors import ApiError
from penstock.protocol.answer import Usage
from penstock.protocol.errors import ErrorBody, OpenAIErrors
from penstock.protocol.responses_answer import OutputCall, OutputTextPart, ReasoningTextPart
from penstock.protocol.sse import named_event

_KINDS = {"text": "output_text", "reasoning": "reasoning_text", "call": "function_call_arguments"}


class ResponseEvents(OpenAIErrors):
    """Writes the events of one response: that it began, each item with its parts, and the whole at the end."""

    def __init__(self, renderer: ResponseRenderer) -> None:
        self._renderer = renderer
        self._blocks = Blocks()
        self._written = 0

    def write(self, pieces: list[Piece]) -> bytes:
        changes = [change for piece in pieces for change in self._blocks.take(piece)]
        return b"".join([event for change in changes for event in self._render(change)])

    def end(self, usage: Usage) -> bytes:
        response = self._renderer.ended(self._blocks, usage)
        return self._event(f"response.{response.status}", response=response)

    def event(self, error: ApiError, *, request_id: str) -> bytes:
        """The error, in the form of today's clients and in that of older ones, and the response as far as it got."""
        begun = self._written > 0
        body = ErrorBody(error.message, error.type, error.param, error.code)
        told = self._event("error", code=error.code, message=error.message, param=error.param, error=body)
        if not begun:
            return told
        return told + self._event("response.failed", response=self._renderer.failed(self._blocks, error))

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._written = self._written, self._written + 1
        return named_event(kind, {"type": kind, "sequence_number": number, **fields})

    def _render(self, change: Change) -> list[bytes]:
        if change.what == "began":
            return [*self._begin_response(), *self._begin(change.block)]
        return [self._grow(change)] if change.what == "grew" else self._end(change.block)

    def _begin_response(self) -> list[bytes]:
        if self._written:
            return []
        response = self._renderer.begun()
        return [self._event(f"response.{kind}", response=response) for kind in ("created", "in_progress")]

    def _begin(self, block: Block) -> list[bytes]:
        item = self._renderer.item(block, "in_progress")
        events = [self._event("response.output_item.added", output_index=block.index, item=item)]
        if block.kind != "call":
            part = ReasoningTextPart("") if block.kind == "reasoning" else OutputTextPart("")
            events.append(self._event("response.content_part.added", **self._place(block), part=part))
        return events

    def _grow(self, change: Change) -> bytes:
        extra = {"logprobs": change.logprobs} if change.block.kind == "text" else {}
        kind = f"response.{_KINDS[change.block.kind]}.delta"
        return self._event(kind, **self._place(change.block), delta=change.text, **extra)

    def _end(self, block: Block) -> list[bytes]:
        kind, place = f"response.{_KINDS[block.kind]}.done", self._place(block)
        item = self._renderer.item(block, "completed" if self._blocks.is_complete(block) else "incomplete")
        if isinstance(item, OutputCall):
            events = [self._event(kind, **place, name=block.name, arguments=item.arguments)]
        else:
            (part,) = item.content
            extra = {"logprobs": block.logprobs} if block.kind == "text" else {}
            events = [
                self._event(kind, **place, text=part.text, **extra),
                self._event("response.content_part.done", **place, part=part),
            ]
        return [*events, self._event("response.output_item.done", output_index=block.index, item=item)]

    def _place(self, block: Block) -> dict[str, Any]:
        place: dict[str, Any] = {"item_id": self._renderer.item_id(block), "output_index": block.index}
        return place if block.kind == "call" else {**place, "content_index": 0}
