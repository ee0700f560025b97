"""What became of one request. Moments are readings of `time.perf_counter()`, in seconds."""

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """Why there is no answer. `code` is the status and the server's own code, or our word for what happened."""

    code: str
    message: str
    retry_after: float | None = None
    """Seconds, where the server named them."""


@dataclass
class Outcome:
    """One request, from the moment that it was due to its end."""

    due: float
    ended: float = 0.0
    texts: "array[float]" = field(default_factory=lambda: array("d"))
    """The moment of every chunk that had text in it, thoughts of a reasoning model included."""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int = 0
    told_tokens: int | None = None
    """The server's count of what it wrote."""
    server: str = ""
    """What the server calls itself."""
    failure: Failure | None = None

    @property
    def tokens(self) -> int:
        """Written tokens: by the server's count, else one for each chunk."""
        return len(self.texts) if self.told_tokens is None else self.told_tokens

    @property
    def ttft(self) -> float:
        """Time to first token: from the moment the request was due to the first chunk with text in it."""
        return self.texts[0] - self.due

    @property
    def itl(self) -> float | None:
        """Inter-token latency of this answer: from first to last text, over the tokens after the first."""
        steps = self.tokens - 1
        return (self.texts[-1] - self.texts[0]) / steps if steps > 0 and len(self.texts) > 1 else None

    @property
    def e2e(self) -> float:
        """From the moment the request was due to the end of the answer."""
        return self.ended - self.due

    @property
    def gaps(self) -> list[float]:
        """From each chunk with text to the next."""
        return [after - before for before, after in zip(self.texts, self.texts[1:], strict=False)]

    def tokens_within(self, start: float, end: float) -> float:
        """The tokens that came in a span of time, where each chunk has an equal share of them."""
        if not self.texts:
            return 0.0
        within = sum(start <= moment <= end for moment in self.texts)
        return self.tokens * within / len(self.texts)
