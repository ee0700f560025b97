"""How a run goes, on standard error and only where that is a terminal."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from penstock.cli.bench.load import Step
from penstock.cli.bench.plan import Plan

_LOOK_SECONDS = 0.5


class Progress:
    """One line that is drawn anew, or nothing."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self._step: Step | None = None
        self._plan: Plan | None = None

    def say(self, text: str) -> None:
        """What happens now."""
        if self._live is not None:
            self._live.update(Text(text, style="dim", no_wrap=True, overflow="ellipsis"), refresh=True)

    @contextmanager
    def watching(self, step: Step, plan: Plan) -> Iterator[None]:
        """The step to tell of in the block."""
        self._step, self._plan = step, plan
        try:
            yield
        finally:
            self._step = None

    async def refresh(self) -> None:
        """Tell of the step until cancelled."""
        while self._live is not None:
            if self._step is not None and self._plan is not None:
                self.say(line(self._step, self._plan))
            await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress for the block; the line is gone after it."""
    if not sys.stderr.isatty():
        yield Progress(None)
        return
    console = Console(stderr=True, markup=False, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Progress(live)


def line(step: Step, plan: Plan) -> str:
    """`4 clients · step 3 of 5 · 23 answered · 1 failed · 4 under way · 5 s left`."""
    failed = sum(one.failure is not None for one in step.outcomes)
    left = step.began + plan.seconds - time.perf_counter() if plan.seconds is not None else None
    asked = f"{step.started} of {plan.requests} asked" if plan.requests is not None else ""
    facts = [
        str(step.load),
        f"step {plan.loads.index(step.load) + 1} of {len(plan.loads)}",
        asked,
        f"{len(step.outcomes) - failed} answered",
        f"{failed} failed" if failed else "",
        f"{step.in_flight} under way",
        "" if left is None else f"{left:.0f} s left" if left > 0 else "waiting for the last answers",
    ]
    return " · ".join(filter(None, facts))
