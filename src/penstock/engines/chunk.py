"""The chunk of an engine's stream, in the forms that engines use, and what it says about tokens.

llama.cpp counts in `timings` (with `timings_per_token`: cached and new prompt tokens, and the tokens of the chunk's own
choice) and in `prompt_progress`; vLLM and the echo engine count in `usage` (continuous_usage_stats: of the chunk's own
choice). Fields we do not know are passed over; fields of the wrong type are an engine's fault.
"""

from typing import Annotated, Any

import msgspec

from penstock.engines.engine import CallPiece, Counts, Piece
from penstock.protocol.answer import TokenLogprob
from penstock.protocol.sse import EventSplitter

Count = Annotated[int, msgspec.Meta(ge=0)]

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})
_DONE = b"[DONE]"


class Part(msgspec.Struct, gc=False):
    """A part of a chunk. None refers to what it is in, so there is nothing for the garbage collector to find."""


class CalledFunction(Part):
    name: str | None = None
    arguments: str | None = None


class CallDelta(Part):
    index: Count = 0
    id: str | None = None
    function: CalledFunction = msgspec.field(default_factory=CalledFunction)

    def piece(self) -> CallPiece:
        return CallPiece(self.index, self.id or "", self.function.name or "", self.function.arguments or "")


class Delta(Part):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[CallDelta] | None = None


class Logprobs(Part):
    content: list[TokenLogprob] | None = None


class Choice(Part):
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


def joined(choices: list[Choice]) -> list[Piece]:
    """Their pieces, those of one choice that are text and nothing else in one as long as they follow each other."""
    pieces: list[Piece] = []
    of, texts = -1, list[str]()
    for choice in choices:
        delta = choice.delta
        plain = choice.finish_reason is None and choice.logprobs is None and delta.tool_calls is None
        plain = plain and delta.reasoning_content is None and delta.reasoning is None
        if texts and not (plain and choice.index == of):
            pieces.append(Piece(of, "".join(texts)))
            texts.clear()
        if plain:
            of = choice.index
            texts.append(delta.content or choice.text or "")
        else:
            pieces.append(choice.piece())
    if texts:
        pieces.append(Piece(of, "".join(texts)))
    return pieces


class Timings(Part):
    cache_n: Count = 0
    prompt_n: Count = 0
    predicted_n: Count = 0


class Progress(Part):
    total: Count = 0
    cache: Count = 0


class CachedTokens(Part):
    cached_tokens: Count | None = None


class ReasoningTokens(Part):
    reasoning_tokens: Count | None = None


class EngineUsage(Part):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: CachedTokens | None = None
    completion_tokens_details: ReasoningTokens | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details else 0


class CountedChunk(Part):
    """One event of an engine's stream."""

    choices: list[Choice] = []
    usage: EngineUsage | None = None
    timings: Timings | None = None
    prompt_progress: Progress | None = None
    error: Any = None

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


class ChunkReader:
    """Reads the chunks of one stream out of its bytes, however these are cut."""

    __slots__ = ("_splitter", "done")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self.done = False
        """Whether `[DONE]` has come."""

    def feed(self, received: bytes) -> list[CountedChunk]:
        """The chunks that `received` completes.

        Raises msgspec.MsgspecError or UnicodeDecodeError for an event that is no chunk, or EventTooLarge.
        """
        if (data := self._splitter.joined(received)) is not None:
            try:
                return self._last(data) if data.endswith(_DONE) else _list_decoder.decode(b"[%b]" % data)
            except msgspec.MsgspecError:  # `[DONE]` with something behind it; or no chunk, and that is found again
                pass
        events = self._splitter.feed(received)
        if _DONE in events:
            self.done = True
            del events[events.index(_DONE) :]
        return [decode_chunk(event) for event in events]

    def _last(self, data: bytes) -> list[CountedChunk]:
        chunks = _list_decoder.decode(b"[%b]" % data.removesuffix(_DONE).removesuffix(b","))
        self.done = True
        return chunks
