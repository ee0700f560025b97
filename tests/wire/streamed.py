"""A streamed chat completion put together, so that it can be held against the whole one."""

from dataclasses import dataclass, field
from typing import Any

import openai


@dataclass
class StreamedChoice:
    """One choice, joined from its chunks."""

    content: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Name and arguments of each call."""
    ids: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    tokens: list[str] = field(default_factory=list)

    def add(self, choice: Any) -> None:
        assert self.finish_reason is None, "a choice goes on after its end"
        delta = choice.delta
        self.content += delta.content or ""
        for piece in delta.tool_calls or []:
            if piece.id:
                assert piece.index == len(self.calls)
                self.calls.append((piece.function.name, ""))
                self.ids.append(piece.id)
            name, arguments = self.calls[piece.index]
            self.calls[piece.index] = (name, arguments + (piece.function.arguments or ""))
        if choice.logprobs and choice.logprobs.content:
            self.tokens += [token.token for token in choice.logprobs.content]
        self.finish_reason = choice.finish_reason


def streamed(client: openai.OpenAI, **request: Any) -> list[StreamedChoice]:
    """Every choice of the request, streamed."""
    choices = [StreamedChoice() for _ in range(request.get("n") or 1)]
    for chunk in client.chat.completions.create(**request, stream=True):
        for choice in chunk.choices:
            choices[choice.index].add(choice)
    return choices


def whole(client: openai.OpenAI, **request: Any) -> list[StreamedChoice]:
    """Every choice of the request, answered at once, in the same form."""
    return [
        StreamedChoice(
            content=choice.message.content or "",
            calls=[(call.function.name, call.function.arguments) for call in choice.message.tool_calls or []],
            ids=[call.id for call in choice.message.tool_calls or []],
            finish_reason=choice.finish_reason,
            tokens=[token.token for token in (choice.logprobs and choice.logprobs.content) or []],
        )
        for choice in client.chat.completions.create(**request).choices
    ]
