"""A chat completion as the chunks of OpenAI's stream."""

from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.protocol.answer import Usage
from penstock.protocol.sse import ChunkWriter


class ChatEvents:
    """Writes chunks: the role first, then what comes, then the reason of the end; for each choice."""

    def __init__(self, completion: Completion, *, include_usage: bool, timed: bool = False) -> None:
        """`timed`: whether the usage comes with the times of the answer."""
        self._begun: set[int] = set()
        self._completion = completion if timed else None
        self._chunks = ChunkWriter(
            completion_id=completion.id,
            created=completion.created,
            model=completion.model,
            include_usage=include_usage,
            service_tier=completion.service_tier,
        )

    def write(self, pieces: list[Piece]) -> bytes:
        if not pieces:
            return b""
        index = pieces[0].index
        texts = [piece.content for piece in pieces if piece.index == index and piece.text_alone]
        if len(texts) == len(pieces) and index in self._begun:
            return self._chunks.texts(index, texts)  # by far the most
        return b"".join([chunk for piece in pieces for chunk in self._render(piece)])

    def end(self, usage: Usage) -> bytes:
        return self._chunks.end(usage, self._completion.timings if self._completion else None)

    def _render(self, piece: Piece) -> list[bytes]:
        chunks = []
        if piece.index not in self._begun and (piece.content or piece.reasoning or piece.calls or piece.finish_reason):
            self._begun.add(piece.index)
            chunks.append(self._chunks.role(piece.index))
        if piece.reasoning:
            chunks.append(self._chunks.reasoning(piece.index, piece.reasoning))
        if piece.content or piece.logprobs:
            chunks.append(self._chunks.content(piece.index, piece.content, piece.logprobs))
        for call in piece.calls or ():
            if call.name:
                begin = self._chunks.call_begins(piece.index, call.index, call_id=call.id, name=call.name)
                chunks.append(begin)
            if call.arguments:
                chunks.append(self._chunks.call_goes_on(piece.index, call.index, call.arguments))
        if piece.finish_reason:
            chunks.append(self._chunks.finish(piece.index, piece.finish_reason, piece.stop_reason))
        return chunks
