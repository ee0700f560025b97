"""An engine that writes down whatever a gateway sends it, and a gateway in front of it.

It phrases requests as the embedded engine does and claims every ability, so what the gateway lets through gets here.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from running_server import penstock

from penstock import app
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.listener import HttpListener
from penstock.catalogue.workers import Worker
from penstock.engines.engine import Launch
from penstock.engines.llama_cpp import LlamaCpp
from penstock.settings import Settings


@dataclass(frozen=True)
class SpyEngine(LlamaCpp):
    """The embedded engine's way to phrase requests, with the spy behind it."""

    notes: Path = Path()
    """Where every request is written down, a line of JSON for each."""

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
        return Launch("spy_engine_process", {"notes": str(self.notes)}, slots=4, environ=environ)

    def seen(self) -> list[dict[str, Any]]:
        """Every request so far: path, headers and body."""
        return [json.loads(line) for line in self.notes.read_text(encoding="utf-8").splitlines()]


@dataclass
class SpiedGateway:
    """A whole gateway on a real socket, with the spy for the engine of the model `spied`."""

    url: str
    key: str
    spy: SpyEngine
    client: aiohttp.ClientSession

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        given = {"authorization": f"Bearer {self.key}", **headers}
        async with self.client.post(self.url + path, json=body, headers=given) as response:
            return response.status, await response.read()


@asynccontextmanager
async def spied_gateway(folder: Path) -> AsyncIterator[SpiedGateway]:
    """The gateway in this process, its engine in one of its own."""
    model = {"id": "spied", "engine": "echo", "context_length": 4096}
    settings = Settings(data_dir=str(folder), serve=("spied",), models=[model])
    spy = SpyEngine(context_length=4096, notes=folder / "notes")
    ready = asyncio.Event()

    def changed(worker: Worker) -> None:
        if worker.endpoint is not None:
            ready.set()

    listener = app.Listener(pulling=lambda *_: None, changed=changed)
    async with app.running(settings, listener, engine_of=lambda _: spy) as running, aiohttp.ClientSession() as client:
        server, bound = HttpListener(running.front, Bounds()), socket.create_server(("127.0.0.1", 0))
        await server.start(bound)
        await asyncio.wait_for(ready.wait(), 30)
        port = bound.getsockname()[1]
        made = await asyncio.to_thread(penstock, "keys", "create", "tests", data_dir=folder)
        try:
            yield SpiedGateway(f"http://127.0.0.1:{port}", made.stdout.strip(), spy, client)
        finally:
            await server.close()
