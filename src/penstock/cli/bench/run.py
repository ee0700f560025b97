"""A whole run: the warm-up, then a step for each load. Ctrl-C ends it, and what there is by then is kept."""

import asyncio
import resource
import signal
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop

from penstock.cli.bench.ask import Asker, asker
from penstock.cli.bench.conditions import Conditions, conditions
from penstock.cli.bench.load import Drive, Step
from penstock.cli.bench.plan import Plan
from penstock.cli.bench.progress import Progress
from penstock.cli.bench.summary import Summary, summed
from penstock.cli.bench.warmup import Ready, Warmup


@dataclass
class Run:
    """What there is to tell. `conditions` is None where it was interrupted before the first step."""

    conditions: Conditions | None = None
    steps: list[Summary] = field(default_factory=list)
    interrupted: bool = False


def measured(plan: Plan, *, url: str, api_key: str, progress: Progress) -> Run:
    """Run the plan. Raises OperatorError where the server does not answer the first requests as it must."""
    _allow_files()
    run = Run()
    with suppress(asyncio.CancelledError):
        uvloop.run(_until_interrupted(_measure(run, plan, url, api_key, progress), run))
    return run


async def _until_interrupted(work: Coroutine[Any, Any, None], run: Run) -> None:
    """The first Ctrl-C cancels the work, which tells what it has; a second one ends everything, as without us."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def stop() -> None:
        run.interrupted = True
        loop.remove_signal_handler(signal.SIGINT)
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, stop)
    await task


async def _measure(run: Run, plan: Plan, url: str, api_key: str, progress: Progress) -> None:
    async with asker(url, api_key, request_fields(plan)) as client:
        progress.say("the first request")
        ready = await Warmup(client, plan, told=progress.say).run()
        run.conditions = conditions(plan, url=url, server=ready.server, fields=client.fields, words=ready.prompts.words)
        for load in plan.loads:
            step = Step(load)
            try:
                with progress.watching(step, plan):
                    await _step(client, ready, plan, step, progress)
            finally:
                if step.started:
                    run.steps.append(summed(step, plan.slo))


async def _step(client: Asker, ready: Ready, plan: Plan, step: Step, progress: Progress) -> None:
    showing = asyncio.create_task(progress.refresh())
    try:
        await Drive(client, ready.prompts, plan, step).run()
    finally:
        showing.cancel()


def request_fields(plan: Plan) -> dict[str, Any]:
    """The request without its messages."""
    ours: Mapping[str, Any] = {
        "model": plan.model,
        "max_tokens": plan.max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return {name: value for name, value in {**ours, **plan.extra}.items() if value is not None}


def _allow_files() -> None:
    """A connection is an open file, and shells often allow few of them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS calls its hard limit infinite and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
