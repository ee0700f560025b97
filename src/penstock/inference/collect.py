"""The whole answer, for who does not stream and for lines of batches: the pieces of a completion joined."""

from penstock.engines.engine import Piece
from penstock.inference.completion import Completion
from penstock.inference.embedding import Embedded
from penstock.protocol.answer import (
    AnswerMessage,
    AnswerToolCall,
    CalledFunction,
    ChatCompletion,
    Choice,
    ChoiceLogprobs,
    TokenLogprob,
)
from penstock.protocol.completions import TextChoice, TextCompletion
from penstock.protocol.embeddings import Embedding, EmbeddingAnswer, EmbeddingUsage, numbers_of


class CollectedChoice:
    """One choice while its pieces come."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, AnswerToolCall] = {}
        self._logprobs: list[TokenLogprob] | None = None
        self._finish_reason: str | None = None
        self._stop_reason: str | None = None

    def add(self, piece: Piece) -> None:
        self._text.append(piece.content)
        if piece.text_alone:  # by far the most
            return
        self._reasoning.append(piece.reasoning)
        for call in piece.calls or ():
            if call.name:
                self._calls[call.index] = AnswerToolCall(id=call.id, function=CalledFunction(call.name, ""))
            if call.arguments and call.index in self._calls:
                self._calls[call.index].function.arguments += call.arguments
        if piece.logprobs is not None:
            self._logprobs = (self._logprobs or []) + piece.logprobs
        if piece.finish_reason:
            self._finish_reason, self._stop_reason = piece.finish_reason, piece.stop_reason

    def choice(self) -> Choice:
        """The choice as the client gets it."""
        text = "".join(self._text)
        message = AnswerMessage(content=text if text or not self._calls else None, tool_calls=[*self._calls.values()])
        if reasoning := "".join(self._reasoning):
            message.reasoning_content = message.reasoning = reasoning
        return Choice(
            index=self._index,
            finish_reason=self._finish_reason,
            stop_reason=self._stop_reason,
            logprobs=None if self._logprobs is None else ChoiceLogprobs(self._logprobs),
            message=message,
        )


async def collect_chat(completion: Completion) -> ChatCompletion:
    """The whole answer, read to its end."""
    choices = [CollectedChoice(index) for index in range(completion.choices)]
    while (pieces := await completion.read()) is not None:
        for piece in pieces:
            choices[piece.index].add(piece)
    return ChatCompletion(
        id=completion.id,
        created=completion.created,
        model=completion.model,
        choices=[choice.choice() for choice in choices],
        service_tier=completion.service_tier,
        usage=completion.usage,
    )


async def collect_text(completion: Completion) -> TextCompletion:
    """The whole answer, read to its end."""
    choices = [TextChoice(index=index, text="", finish_reason=None) for index in range(completion.choices)]
    texts: list[list[str]] = [[] for _ in choices]
    while (pieces := await completion.read()) is not None:
        for piece in pieces:
            texts[piece.index].append(piece.content)
            if piece.finish_reason:
                choice = choices[piece.index]
                choice.finish_reason, choice.stop_reason = piece.finish_reason, piece.stop_reason
    for choice, parts in zip(choices, texts, strict=True):
        choice.text = "".join(parts)
    return TextCompletion(
        id=completion.id,
        created=completion.created,
        model=completion.model,
        choices=choices,
        usage=completion.usage,
    )


def collect_vectors(embedded: Embedded, *, as_numbers: bool) -> EmbeddingAnswer:
    """The vectors as the client gets them."""
    return EmbeddingAnswer(
        data=[
            Embedding(index=index, embedding=numbers_of(vector) if as_numbers else vector)
            for index, vector in enumerate(embedded.vectors)
        ],
        model=embedded.model,
        usage=EmbeddingUsage(embedded.prompt_tokens, embedded.prompt_tokens),
    )
