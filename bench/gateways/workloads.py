"""What the gateways are asked for. Each workload is one or more loads at once; load.c says what its figures mean."""

from dataclasses import dataclass, field, replace

PACE_US = 20_000
"""Between two events of a paced stream: 50 tokens a second."""
EVENTS = 128


@dataclass(frozen=True)
class Load:
    """What one set of clients asks for, again and again."""

    streams: int
    events: int = 16
    stream: bool = False
    prompt_bytes: int = 1024
    pace_us: int = 0
    burst: int = 1
    hold: int = 0
    """Every stream stops after so many events until all are open, and their memory is looked at."""
    requests: int = 0
    """How many in all; 0: as many as there is time for."""

    @property
    def stream_seconds(self) -> float:
        """How long one answer takes by itself."""
        return self.events / self.burst * self.pace_us / 1e6

    def arguments(self, *, seconds: float) -> dict[str, float | int]:
        """For the program `load`. Paced streams begin one after the other, over the time that one of them takes."""
        return {
            "streams": self.streams,
            "events": self.events,
            "stream": int(self.stream),
            "prompt_bytes": self.prompt_bytes,
            "pace_us": self.pace_us,
            "burst": self.burst,
            "hold": self.hold,
            "requests": self.requests,
            "seconds": max(seconds, self.stream_seconds),
            "ramp_ms": int(min(self.stream_seconds, seconds) * 1000),
        }


@dataclass(frozen=True)
class Workload:
    """Loads that run at the same time, and what is worth telling of them."""

    name: str
    title: str
    loads: tuple[Load, ...]
    per_event: bool = field(default=False)
    """Whether its cost is told by the event, and by the request otherwise."""

    def shorter(self) -> "Workload":
        """The same with an eighth of the paced streams' events, for trying things out."""
        return replace(
            self,
            loads=tuple(replace(one, events=max(16, one.events // 8)) if one.pace_us else one for one in self.loads),
        )


_STREAM = Load(16, EVENTS, stream=True)
_PACED = replace(_STREAM, pace_us=PACE_US)

WORKLOADS = (
    Workload("request", "1 KB request, 16 tokens, not streamed", (Load(16),)),
    Workload("stream", "stream of 128 events, unpaced, one write for each", (_STREAM,), per_event=True),
    Workload("stream-burst", "the same, 16 events in one write", (replace(_STREAM, burst=16),), per_event=True),
    Workload("paced-32", "32 streams, an event every 20 ms", (replace(_PACED, streams=32),), per_event=True),
    Workload("paced-256", "256 streams, an event every 20 ms", (replace(_PACED, streams=256),), per_event=True),
    Workload("paced-1000", "1,000 streams, an event every 20 ms", (replace(_PACED, streams=1000),), per_event=True),
    Workload("prompt-32k", "32 KB prompt, 16 tokens, not streamed", (Load(8, prompt_bytes=32 << 10),)),
    Workload("prompt-256k", "256 KB prompt, 16 tokens, not streamed", (Load(4, prompt_bytes=256 << 10),)),
    Workload("idle-1000", "1,000 open streams that wait", (Load(1000, 4, stream=True, hold=1, requests=1000),)),
    Workload(
        "mix",
        "64 paced streams, 400 requests of 1 KB and 40 prompts of 32 KB, side by side",
        (
            replace(_PACED, streams=32, requests=64),
            Load(2, requests=400),
            Load(1, stream=True, prompt_bytes=32 << 10, requests=40),
        ),
    ),
)


def named(names: tuple[str, ...]) -> list[Workload]:
    """The workloads of these names, or all. Raises KeyError for one that is none."""
    known = {one.name: one for one in WORKLOADS}
    return [known[name] for name in names or known]
