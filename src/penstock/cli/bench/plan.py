"""What is measured, under which load, and what counts as good enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Load:
    """The load of one step.

    `clients`: so many clients, each with one request at a time (a closed loop). `rate`: so many requests a second,
    whose moments are drawn at random and wait for no answer (an open loop).
    """

    kind: Literal["clients", "rate"]
    value: float

    def __str__(self) -> str:
        return f"{self.value:g} {'clients' if self.value != 1 else 'client'}" if self.closed else f"{self.value:g}/s"

    @property
    def closed(self) -> bool:
        return self.kind == "clients"


@dataclass(frozen=True)
class Slo:
    """What an answer must keep to be counted as good. Seconds; None asks for nothing."""

    ttft: float | None
    itl: float | None

    def __str__(self) -> str:
        asked = {"TTFT": self.ttft, "ITL": self.itl}
        return ", ".join(f"{name} up to {s * 1000:g} ms" for name, s in asked.items() if s is not None) or "none"


@dataclass(frozen=True)
class Plan:
    """One run. Of `seconds` and `requests`, whichever comes first ends a step; None is no bound."""

    model: str
    loads: tuple[Load, ...]
    seconds: float | None
    requests: int | None
    prompt_tokens: int
    shared_prefix_tokens: int
    max_tokens: int
    warmup: int
    seed: int
    slo: Slo
    timeout: float
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request beside ours; None takes one of ours away."""
