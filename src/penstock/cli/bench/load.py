"""The load of one step: clients that ask again once they have their answer, or requests at moments of their own."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from penstock.cli.bench.ask import Asker
from penstock.cli.bench.lag import Lag
from penstock.cli.bench.outcome import Outcome
from penstock.cli.bench.plan import Load, Plan
from penstock.cli.bench.prompts import Prompts

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds that a client waits after it was refused. What Retry-After says is kept to, within these."""


@dataclass
class Step:
    """A load, and what was seen under it. It is filled while it runs, so that one broken off tells what it has."""

    load: Load
    began: float = 0.0
    """The window over which rates are told: from here to `until`."""
    until: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    started: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    connections: int = 0
    interrupted: bool = False
    lag: Lag = field(default_factory=Lag)

    @property
    def unfinished(self) -> int:
        """Requests that were sent and not waited for."""
        return self.started - len(self.outcomes)


class Drive:
    """Runs one step."""

    def __init__(self, asker: Asker, prompts: Prompts, plan: Plan, step: Step) -> None:
        self._asker = asker
        self._prompts = prompts
        self._plan = plan
        self._step = step

    async def run(self) -> None:
        """Until the step's bound, and until the last answer is there. Cancelled, it leaves what it has in the step."""
        step, before = self._step, self._asker.connections
        step.began = time.perf_counter()
        try:
            async with step.lag.watched():
                await (self._closed() if step.load.closed else self._open())
        except asyncio.CancelledError:
            step.interrupted = True
            raise
        finally:
            step.connections = self._asker.connections - before
            step.until = step.until or time.perf_counter()

    async def _closed(self) -> None:
        """The window ends when the first client has nothing more to do: until then, all of them were at work."""
        async with asyncio.TaskGroup() as clients:
            for _ in range(int(self._step.load.value)):
                clients.create_task(self._client())

    async def _client(self) -> None:
        while self._goes_on():
            outcome = await self._ask(time.perf_counter())
            if outcome.failure is not None and not await self._paused(outcome.failure.retry_after):
                break
        self._step.until = self._step.until or time.perf_counter()

    async def _open(self) -> None:
        """The window is the time in which requests come in. Each is due whether or not the ones before are answered."""
        draw = random.Random(f"{self._plan.seed}/moments/{self._step.load}")  # noqa: S311
        due = self._step.began
        async with asyncio.TaskGroup() as requests:
            while True:
                due += draw.expovariate(self._step.load.value)
                await asyncio.sleep(max(0.0, min(due, self._deadline) - time.perf_counter()))
                if due >= self._deadline or not self._goes_on():
                    break
                requests.create_task(self._ask(due))
            self._step.until = time.perf_counter()

    @property
    def _deadline(self) -> float:
        return self._step.began + self._plan.seconds if self._plan.seconds is not None else float("inf")

    def _goes_on(self) -> bool:
        whole = self._plan.requests is not None and self._step.started >= self._plan.requests
        return not whole and time.perf_counter() < self._deadline

    async def _paused(self, retry_after: float | None) -> bool:
        """Wait as long as the server asks for; false where the step is over before that."""
        asked = min(max(retry_after or 0.0, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        left = self._deadline - time.perf_counter()
        await asyncio.sleep(max(0.0, min(asked, left)))
        return asked < left

    async def _ask(self, due: float) -> Outcome:
        step = self._step
        step.started += 1
        step.in_flight += 1
        step.most_in_flight = max(step.most_in_flight, step.in_flight)
        prompt = self._prompts.text(f"{step.load}/{step.started}")
        try:
            outcome = await self._asker.ask(prompt, due=due, timeout_seconds=self._plan.timeout)
        finally:
            step.in_flight -= 1
        step.outcomes.append(outcome)
        return outcome
