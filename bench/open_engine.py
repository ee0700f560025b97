"""A gateway that also tells where its engine is and which key opens it, which the real server never does.

    python bench/open_engine.py DATA_DIR

Prints one line of JSON once the model answers; ends with SIGTERM.
"""

import asyncio
import json
import signal
import socket
import sys

import uvloop

from penstock import app
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.catalogue.workers import State
from penstock.database.connection import Database
from penstock.settings import DEFAULT_MODEL, Settings
from penstock.tenants.audit import Actor
from penstock.tenants.caller import SCOPES
from penstock.tenants.pepper import load_pepper
from penstock.tenants.tenants import Tenants


async def make_key(settings: Settings) -> str:
    """A key for the operator's own account that may do everything, reading the metrics included."""
    database = Database(settings.database)
    await database.connect()
    try:
        tenants = Tenants.of(database, load_pepper(settings.data_path), own_plans={}, default_plan="free")
        account = await tenants.accounts.operator()
        _, secret = await tenants.keys.create("bench", account_id=account.id, by=Actor.operator(), scopes=SCOPES)
        return secret
    finally:
        await database.close()


async def main(data_dir: str) -> None:
    """Serve the default model until terminated."""
    settings = Settings(data_dir=data_dir)
    ready, terminated = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    listener = app.Listener(
        pulling=lambda model, progress: None,
        changed=lambda worker: ready.set() if worker.state is State.READY else None,
    )
    async with app.running(settings, listener) as penstock:
        await ready.wait()
        worker = penstock.workers.get(DEFAULT_MODEL)
        assert worker is not None
        assert worker.endpoint is not None
        bound = socket.create_server(("127.0.0.1", 0), backlog=1024)
        where = {
            "gateway_url": f"http://127.0.0.1:{bound.getsockname()[1]}",
            "gateway_key": await make_key(settings),
            "engine_url": worker.endpoint.url,
            "engine_key": worker.endpoint.api_key,
        }
        server = HttpListener(penstock.front, Bounds())
        await server.start(bound)
        print(json.dumps(where), flush=True)
        await terminated.wait()
        await server.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
