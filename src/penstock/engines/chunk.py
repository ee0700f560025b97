"""The chunk of an engine's stream, in the forms that engines use, and what it says about tokens.

llama.cpp counts in `timings` (with `timings_per_token`: cached and new prompt tokens, and the tokens of the chunk's own
choice) and in `prompt_progress`; vLLM and the echo engine count in `usage` (continuous_usage_stats: of the chunk's own
choice). Fields we do not know are passed over; fields of the wrong type are an engine's fault.
"""

from typing import Annotated, Any

import msgspec

from penstock.engines.engine import CallPiece, Counts, Piece
from penstock.protocol.answer import TokenLogprob

Count = Annotated[int, msgspec.Meta(ge=0)]

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})


class CalledFunction(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class CallDelta(msgspec.Struct):
    index: Count = 0
    id: str | None = None
    function: CalledFunction = msgspec.field(default_factory=CalledFunction)

    def piece(self) -> CallPiece:
        return CallPiece(self.index, self.id or "", self.function.name or "", self.function.arguments or "")


class Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[CallDelta] | None = None


class Logprobs(msgspec.Struct):
    content: list[TokenLogprob] | None = None


class Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    """In the answer to a raw prompt, where a chat has a delta."""
    delta: Delta = msgspec.field(default_factory=Delta)
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    logprobs: Logprobs | None = None

    def piece(self) -> Piece:
        delta = self.delta
        piece = Piece(self.index, delta.content or self.text or "")
        if self.finish_reason is not None:
            piece.finish_reason = self.finish_reason if self.finish_reason in FINISH_REASONS else "stop"
            if isinstance(self.stop_reason, str):
                piece.stop_reason = self.stop_reason
        if delta.reasoning_content or delta.reasoning:
            piece.reasoning = delta.reasoning_content or delta.reasoning or ""
        if delta.tool_calls:
            piece.calls = [call.piece() for call in delta.tool_calls]
        if self.logprobs:
            piece.logprobs = self.logprobs.content
        return piece


class Timings(msgspec.Struct):
    cache_n: Count = 0
    prompt_n: Count = 0
    predicted_n: Count = 0


class Progress(msgspec.Struct):
    total: Count = 0
    cache: Count = 0


class CachedTokens(msgspec.Struct):
    cached_tokens: Count | None = None


class ReasoningTokens(msgspec.Struct):
    reasoning_tokens: Count | None = None


class EngineUsage(msgspec.Struct):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: CachedTokens | None = None
    completion_tokens_details: ReasoningTokens | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details else 0


class CountedChunk(msgspec.Struct):
    """One event of an engine's stream."""

    choices: list[Choice] = []
    usage: EngineUsage | None = None
    timings: Timings | None = None
    prompt_progress: Progress | None = None
    error: Any = None

    def strays(self, choices: int) -> bool:
        """Whether it has a choice that is none of so many."""
        if len(self.choices) == 1:
            return not 0 <= self.choices[0].index < choices
        return any(not 0 <= choice.index < choices for choice in self.choices)

    def count(self, counts: Counts) -> None:
        """Carry what this chunk says about tokens into `counts`."""
        first = self.choices[0].index if self.choices else 0
        if progress := self.prompt_progress:
            counts.read(first, progress.total, cached=progress.cache)
        if timings := self.timings:
            counts.read(first, timings.cache_n + timings.prompt_n, cached=timings.cache_n)
            for choice in self.choices:
                counts.wrote(choice.index, timings.predicted_n)
        if usage := self.usage:
            counts.read(first, usage.prompt_tokens, cached=usage.cached_tokens)
            for choice in self.choices:
                counts.wrote(choice.index, usage.completion_tokens)
            if usage.completion_tokens_details:
                counts.reasoning = max(counts.reasoning, usage.completion_tokens_details.reasoning_tokens or 0)


def count(chunks: list[CountedChunk], counts: Counts) -> None:
    """Carry what chunks that came together say about tokens into `counts`."""
    if len(chunks) == 1:
        chunks[0].count(counts)
        return
    last: dict[int, CountedChunk] = {}
    for chunk in chunks:
        # Counts of a choice only grow, so that of many chunks the last one says it all.
        if len(chunk.choices) == 1 and chunk.prompt_progress is None:
            if chunk.usage is not None or chunk.timings is not None:
                last[chunk.choices[0].index] = chunk
        else:
            chunk.count(counts)
    for chunk in last.values():
        chunk.count(counts)


_decoder = msgspec.json.Decoder(CountedChunk)
_list_decoder = msgspec.json.Decoder(list[CountedChunk])


def decode_chunk(event: bytes) -> CountedChunk:
    """The chunk that the data of one event holds. Raises msgspec.MsgspecError or UnicodeDecodeError."""
    return _decoder.decode(event)


def decode_chunks(events: list[bytes]) -> list[CountedChunk]:
    """The same of events that came together."""
    if len(events) == 1:
        return [_decoder.decode(events[0])]
    return _list_decoder.decode(b"[%b]" % b",".join(events))
