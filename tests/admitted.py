"""An engine's door, and who stands in it, without an engine behind."""

import asyncio
from dataclasses import dataclass

from penstock.engines.echo import Echo
from penstock.engines.engine import Abilities, Endpoint
from penstock.inference.admission import Admission
from penstock.inference.ticket import Ticket


@dataclass
class Done:
    """What came of a request."""

    tokens: int = 0
    step_seconds: float = 0.0


def endpoint(slots: int, *, stops: bool = True) -> Endpoint:
    """An engine that nobody can reach."""
    abilities = Abilities(stops=stops)
    return Endpoint("m", "http://127.0.0.1:1", "m", "k", Echo(context_length=64), slots, 64, 64, abilities)


async def hold(
    door: Admission, at: Endpoint, ticket: Ticket, log: list[str], name: str, until: asyncio.Event, *, tokens: int = 0
) -> None:
    """Enter, say so in the log, and stay until told."""
    async with door.enter(at, ticket) as place:
        log.append(name)
        work = Done()
        place.holds(work)
        await until.wait()
        work.tokens = tokens


async def turn() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)
