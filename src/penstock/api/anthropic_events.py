"""A message in Anthropic's form: whole, and as the events of its stream."""

from typing import Any

import msgspec

from penstock.api.blocks import Block, Blocks, Change, read_blocks
from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.protocol.answer import Usage
from penstock.protocol.anthropic_answer import (
    AnswerBlock,
    AnswerText,
    AnswerThinking,
    AnswerToolUse,
    MessageAnswer,
    MessageUsage,
    ThinkingTokens,
)
from penstock.protocol.sse import named_event

PING = named_event("ping", {"type": "ping"})

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class MessageEvents:
    """Writes the events of one message: its beginning, block after block, and why it ended."""

    def __init__(self, completion: Completion, *, request_id: str) -> None:
        self._completion = completion
        self._request_id = request_id
        self._blocks = Blocks()
        self._begun = False

    def write(self, pieces: list[Piece]) -> bytes:
        changes = [change for piece in pieces for change in self._blocks.take(piece)]
        if not changes:
            return b""
        events = [_render(change) for change in changes]
        return b"".join(events if self._begun else [self._begin(), *events])

    def end(self, usage: Usage) -> bytes:
        delta = {"stop_reason": stop_reason(self._blocks), "stop_sequence": self._blocks.stop_reason}
        return _event("message_delta", delta=delta, usage=_usage(usage)) + _event("message_stop")

    def _begin(self) -> bytes:
        self._begun = True
        empty = message(Blocks(), self._completion, request_id=self._request_id)
        return _event("message_start", message=empty)


def message(blocks: Blocks, completion: Completion, *, request_id: str) -> MessageAnswer:
    """The message as far as it has come. Its id is that of the request, so whoever has one finds the other."""
    return MessageAnswer(
        id=f"msg_{request_id.removeprefix('req_')}",
        model=completion.model,
        content=[_block(block, block.text) for block in blocks.all],
        stop_reason=stop_reason(blocks),
        stop_sequence=blocks.stop_reason,
        usage=_usage(completion.usage),
    )


async def read_message(completion: Completion, *, request_id: str) -> MessageAnswer:
    """The whole message, read to its end."""
    return message(await read_blocks(completion), completion, request_id=request_id)


def stop_reason(blocks: Blocks) -> str | None:
    """Why the answer ended; None while it has not."""
    if blocks.stop_reason is not None:
        return "stop_sequence"
    return _STOP_REASONS.get(blocks.finish_reason or "")


def _render(change: Change) -> bytes:
    block = change.block
    if change.what == "began":
        return _event("content_block_start", index=block.index, content_block=_block(block, ""))
    if change.what == "ended":
        return _event("content_block_stop", index=block.index)
    name, kind = {
        "text": ("text", "text_delta"),
        "reasoning": ("thinking", "thinking_delta"),
        "call": ("partial_json", "input_json_delta"),
    }[block.kind]
    return _event("content_block_delta", index=block.index, delta={"type": kind, name: change.text})


def _event(kind: str, **fields: Any) -> bytes:
    return named_event(kind, {"type": kind, **fields})


def _block(block: Block, text: str) -> AnswerBlock:
    if block.kind == "text":
        return AnswerText(text)
    if block.kind == "reasoning":
        return AnswerThinking(text)
    return AnswerToolUse(id=f"toolu_{block.call_id.removeprefix('call_')}", name=block.name, input=_input(text))


def _input(arguments: str) -> dict[str, Any]:
    """The arguments of a call; empty where the model was cut off in them."""
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any]) if arguments else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _usage(usage: Usage) -> MessageUsage:
    cached = usage.prompt_tokens_details.cached_tokens
    return MessageUsage(
        input_tokens=usage.prompt_tokens - cached,
        cache_read_input_tokens=cached,
        output_tokens=usage.completion_tokens,
        output_tokens_details=ThinkingTokens(usage.completion_tokens_details.reasoning_tokens),
    )
