"""What the limits of one server and the check of a known key cost: CPU for each request, medians of several rounds.

    python bench/admission.py [--rounds 15] [--requests 5000]

Each request is admitted and settled under every figure that a plan can have, once more under every figure of its key.
The targets are 20 us for that and 10 us for a key that was looked up before.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.tenants.audit import Actor
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.limits import Used, Worst, header_lines_of
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.pepper import load_pepper
from penstock.tenants.plans import Limits, Plan
from penstock.tenants.rules import BUDGET, FIGURES
from penstock.tenants.tenants import Tenants

EVERY_FIGURE: dict[str, Any] = {**dict.fromkeys(FIGURES, 10**9), BUDGET: 1e6}
WORST, USED = Worst(500, 1000, 10**6), Used(400, 300, 10**5)


async def median_us(work: Callable[[], Awaitable[object]], rounds: int, requests: int) -> float:
    """CPU microseconds of one call."""
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(requests):
            await work()
        costs.append((time.process_time() - began) / requests * 1e6)
    return statistics.median(costs)


async def measured(rounds: int, requests: int) -> dict[str, float]:
    """Everything, by what it is."""
    plan, limits = Plan(**EVERY_FIGURE), MemoryLimits()
    subjects = (Subject("acct", plan, 5), Subject("key", Limits(**EVERY_FIGURE), 5))
    caller = Caller("acct", "key", "", plan_name="bench", plan=plan, subjects=subjects)

    async def admit_and_settle() -> None:
        (await limits.admit(caller, "model", WORST)).settle(USED)

    async def headers() -> None:
        header_lines_of(limits.standing(caller, "model"))

    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'penstock.db'}")
        await database.connect()
        await migrate(database)
        tenants = Tenants.of(database, load_pepper(Path(folder)), own_plans={}, default_plan="free")
        operator = await tenants.accounts.operator()
        _, secret = await tenants.keys.create("bench", account_id=operator.id, by=Actor.operator())

        async def find() -> None:
            await tenants.callers.find(secret)

        try:
            return {
                "admit and settle, 16 figures": await median_us(admit_and_settle, rounds, requests),
                "the six headers": await median_us(headers, rounds, requests),
                "check of a known key": await median_us(find, rounds, requests),
            }
        finally:
            await database.close()


@click.command()
@click.option("--rounds", default=15, show_default=True)
@click.option("--requests", default=5000, show_default=True)
def main(rounds: int, requests: int) -> None:
    """Measure, and print a table."""
    for name, cost in asyncio.run(measured(rounds, requests)).items():
        click.echo(f"{name:32}{cost:8.1f} us")


if __name__ == "__main__":
    main()
