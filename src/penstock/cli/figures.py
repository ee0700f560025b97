"""What an answer cost and how fast it came, in one line."""

from dataclasses import dataclass, field

from penstock.cli.client import Answer
from penstock.tenants.speed import tokens_per_second


@dataclass(frozen=True)
class Figures:
    """The figures of one answer. Tokens are the engine's counts, or of an answer broken off the pieces that came."""

    prompt_tokens: int | None
    completion_tokens: int
    ttft_seconds: float | None
    writing_seconds: float
    ending: str

    @classmethod
    def of(cls, answer: Answer, *, stopped: bool = False) -> "Figures":
        return cls(
            prompt_tokens=answer.usage.prompt if answer.usage else None,
            completion_tokens=answer.usage.completion if answer.usage else answer.pieces,
            ttft_seconds=answer.ttft_seconds,
            writing_seconds=answer.writing_seconds,
            ending="stopped" if stopped else answer.finish_reason or "ended",
        )

    @property
    def tokens_per_second(self) -> float | None:
        """The rate after the first token, which belongs to the TTFT; None where the answer is too short to tell."""
        return tokens_per_second(self.completion_tokens, self.writing_seconds * 1000)

    def line(self) -> str:
        """`TTFT 130 ms · 87 tok/s · 42 out / 31 in · stop`."""
        tokens = f"{self.completion_tokens} out"
        tokens = f"about {tokens}" if self.prompt_tokens is None else f"{tokens} / {self.prompt_tokens} in"
        return " · ".join(filter(None, [_ttft(self.ttft_seconds), _rate(self.tokens_per_second), tokens, self.ending]))


@dataclass
class Session:
    """The figures of every answer so far."""

    answers: list[Figures] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The last answer, and all of them together."""
        if not self.answers:
            return ["No answer yet."]
        first_tokens = [one.ttft_seconds for one in self.answers if one.ttft_seconds is not None]
        telling = [one for one in self.answers if one.tokens_per_second is not None]
        writing = sum(one.writing_seconds for one in telling)
        after_first = sum(one.completion_tokens - 1 for one in telling)
        out = sum(one.completion_tokens for one in self.answers)
        into = sum(one.prompt_tokens or 0 for one in self.answers)
        session = [
            f"{len(self.answers)} answer" + "s" * (len(self.answers) > 1),
            _ttft(sum(first_tokens) / len(first_tokens) if first_tokens else None),
            _rate(after_first / writing if telling else None),
            f"{out} out / {into} in",
        ]
        return [f"last     {self.answers[-1].line()}", "session  " + " · ".join(filter(None, session))]


def _ttft(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"TTFT {seconds * 1000:.0f} ms" if seconds < 10 else f"TTFT {seconds:.1f} s"


def _rate(tokens_per_second: float | None) -> str:
    return f"{tokens_per_second:.0f} tok/s" if tokens_per_second is not None else ""
