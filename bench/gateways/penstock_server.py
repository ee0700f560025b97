"""Penstock as the benchmark runs it: one process of the real server, its one model answered by the mock.

    python penstock_server.py DATA_DIR MOCK_URL [--off]

The first line on standard output is JSON with its URL and a key; it ends with SIGTERM. With everything on, the key
belongs to an account on a plan with every kind of limit, high enough never to be met, its model has a price, and each
request is a row in SQLite. `--off` puts objects that do nothing in the place of limits and ledger, to see what these
cost: the product has no such mode.
"""

import asyncio
import contextlib
import json
import resource
import signal
import socket
import sys
from pathlib import Path
from unittest import mock

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gateways.penstock_engine import MockEngine
from penstock import app, parts
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.catalogue.workers import State
from penstock.cli.garbage import leave_out_what_stays
from penstock.database.connection import Database
from penstock.settings import Settings
from penstock.tenants.audit import Actor
from penstock.tenants.caller import Caller
from penstock.tenants.ledger import Ledger
from penstock.tenants.limits import Free, Standing, Worst
from penstock.tenants.memory_limits import MemoryLimits
from penstock.tenants.pepper import load_pepper
from penstock.tenants.tenants import Tenants
from penstock.tenants.usage import UsageRecord

NEVER_MET = 1 << 40
LIMITED = (
    *("requests_per_minute", "requests_per_day", "input_tokens_per_minute", "input_tokens_per_day"),
    *("output_tokens_per_minute", "output_tokens_per_day", "concurrency"),
)
PLAN = {**dict.fromkeys(LIMITED, NEVER_MET), "monthly_budget": 1e9}
MODEL = {
    "id": "mock",
    "engine": "echo",
    "context_length": 1_000_000,
    "price": {"input": 0.35, "output": 0.4},
}


class Unlimited(MemoryLimits):
    """Lets everybody in and counts nothing."""

    def admit_now(self, caller: Caller, model: str, worst: Worst) -> Free:  # type: ignore[override]
        return Free()

    def standing(self, caller: Caller, model: str | None = None) -> Standing:
        return Standing()


class Unmetered(Ledger):
    """Takes no rows."""

    def record(self, row: UsageRecord) -> None:
        """It is gone."""


async def make_key(settings: Settings) -> str:
    """The secret of a key of an account on the plan."""
    database = Database(settings.database)
    await database.connect()
    try:
        tenants = Tenants.of(database, load_pepper(settings.data_path), own_plans=settings.plans, default_plan="free")
        account = await tenants.accounts.create("bench@example.com", by=Actor.operator(), plan="bench")
        _, secret = await tenants.keys.create("bench", account_id=account.id, by=Actor.operator())
        return secret
    finally:
        await database.close()


async def main(data_dir: str, mock_url: str) -> None:
    """Serve until terminated."""
    settings = Settings(data_dir=data_dir, plans={"bench": PLAN}, models=[MODEL], serve=("mock",), access_log=False)
    ready, terminated = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    listener = app.Listener(
        pulling=lambda model, progress: None,
        changed=lambda worker: ready.set() if worker.state is State.READY else None,
    )
    async with app.running(settings, listener, engine_of=lambda model: MockEngine(mock_url)) as penstock:
        await ready.wait()
        bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
        where = {"url": f"http://127.0.0.1:{bound.getsockname()[1]}", "key": await make_key(settings)}
        server = HttpListener(penstock.front, Bounds(), connections=penstock.connections)
        await server.start(bound)
        leave_out_what_stays()
        print(json.dumps(where), flush=True)
        await terminated.wait()
        await server.close()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as patches:
        if "--off" in sys.argv:
            patches.enter_context(mock.patch.object(parts, "MemoryLimits", Unlimited))
            patches.enter_context(mock.patch.object(parts, "Ledger", Unmetered))
        uvloop.run(main(sys.argv[1], sys.argv[2]))
