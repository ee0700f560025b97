"""Whether the client itself kept up: how late its own event loop was, and how much of a core it took."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_LOOK_SECONDS = 0.01


@dataclass
class Lag:
    """`late` has seconds by which a timer was late, a hundred of them a second."""

    late: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def cpu_share(self) -> float:
        """Of one core; 1 is all of it."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds else 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Measure for the block."""
        cpu, wall = time.process_time(), time.perf_counter()
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self.cpu_seconds = time.process_time() - cpu
            self.wall_seconds = time.perf_counter() - wall
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_LOOK_SECONDS)
            self.late.append(max(0.0, time.perf_counter() - before - _LOOK_SECONDS))
