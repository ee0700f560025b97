"""What the door of an engine costs: CPU for each request that enters and leaves, medians of several rounds.

    python bench/door.py [--rounds 15] [--requests 5000]

With a slot free, and through a queue in which requests of 1 or of 100 accounts wait. The target is 10 us.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass

import click

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.inference.admission import Admission
from penstock.inference.ticket import Ticket

WAITING = 400


@dataclass
class Done:
    """What came of a request."""

    tokens: int = 0
    step_seconds: float = 0.0


def an_endpoint(slots: int) -> Endpoint:
    """An engine that nobody reaches."""
    return Endpoint("m", "http://127.0.0.1:1", "m", "k", Echo(context_length=64), slots, 64, 64)


async def through(door: Admission, at: Endpoint, ticket: Ticket) -> None:
    """One request that has nothing to do there."""
    async with door.enter(at, ticket) as place:
        work = Done()
        place.holds(work)
        work.tokens = 100


async def free(requests: int) -> None:
    """One after the other."""
    door, at, ticket = Admission(), an_endpoint(4), Ticket("a", tokens=1000)
    for _ in range(requests):
        await through(door, at, ticket)


async def queued(requests: int, accounts: int) -> None:
    """So many wait at once; the making of a task for each, which is no part of the door, is counted as well."""
    door, at = Admission(), an_endpoint(4)
    tickets = [Ticket(f"acct_{number % accounts}", tokens=1000) for number in range(WAITING)]
    for _ in range(requests // WAITING):
        async with door.enter(at, Ticket("first", places=4)):
            tasks = [asyncio.create_task(through(door, at, ticket)) for ticket in tickets]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)


async def measured(rounds: int, requests: int) -> dict[str, float]:
    """Microseconds, by what they are for."""
    costs: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, work in (
            ("a slot is free", free(requests)),
            ("queue of one account", queued(requests, 1)),
            ("queue of 100 accounts", queued(requests, 100)),
        ):
            began = time.process_time()
            await work
            costs.setdefault(name, []).append((time.process_time() - began) / requests * 1e6)
    return {name: statistics.median(each) for name, each in costs.items()}


@click.command()
@click.option("--rounds", default=15, show_default=True)
@click.option("--requests", default=4000, show_default=True)
def main(rounds: int, requests: int) -> None:
    """Measure, and print a table."""
    for name, cost in asyncio.run(measured(rounds, requests)).items():
        click.echo(f"{name:24}{cost:8.1f} us")


if __name__ == "__main__":
    main()
