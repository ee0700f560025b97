"""Token probabilities, given out with the text that they belong to."""

from collections import deque

from penstock.protocol.answer import TokenLogprob


class LogprobQueue:
    """Holds the probabilities of tokens whose text is held back; those of text that is dropped never go out."""

    def __init__(self, *, top: int) -> None:
        """`top`: how many of the likeliest tokens are told for each place."""
        self._top = top
        self._waiting: deque[tuple[int, TokenLogprob]] = deque()
        self._added = 0
        self._released = 0

    def add(self, tokens: list[TokenLogprob]) -> None:
        for token in tokens:
            token.top_logprobs = token.top_logprobs[: self._top]
            self._added += len(token.token.encode() if token.bytes is None else token.bytes)
            self._waiting.append((self._added, token))

    def release(self, text: str) -> list[TokenLogprob]:
        """The tokens whose text has gone out whole, now that `text` goes out as well."""
        self._released += len(text.encode())
        out = []
        while self._waiting and self._waiting[0][0] <= self._released:
            out.append(self._waiting.popleft()[1])
        return out

    def rest(self) -> list[TokenLogprob]:
        """All that wait, at the end of an answer that was given whole."""
        out = [token for _, token in self._waiting]
        self._waiting.clear()
        return out
