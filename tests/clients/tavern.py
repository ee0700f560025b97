"""A SillyTavern of the test's own: its real server, with a data folder that begins empty, kept inside this machine."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.client import PROGRAMS
from clients.node import node_environment
from running_server import SMOL, RunningServer, eventually

# What it would fetch of itself: new versions of its extensions, models for them, tokenizers.
CONFIG = """
whitelistDockerHosts: false
enableDownloadableTokenizers: false
extensions:
  autoUpdate: false
  models:
    autoDownload: false
"""

_START_SECONDS = 300  # the first start compiles the page's libraries


@dataclass
class Tavern:
    """A running SillyTavern."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, **body: Any) -> bytes:
        """What its page would get for the same request, whatever the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def keep_key(self, key: str) -> str:
        """The name under which the key lies in its store, as after `Connect`."""
        kept = self.post("/api/secrets/write", key="api_key_custom", value=key, label="penstock")
        return str(json.loads(kept)["id"])

    def status(self, server: RunningServer, key: str) -> Any:
        return json.loads(self.post("/api/backends/chat-completions/status", **_connection(server, key)))

    def generate(self, server: RunningServer, key: str, **fields: Any) -> bytes:
        """What its page sends when a message is sent, with `fields` of it changed."""
        body = {
            "model": SMOL,
            "messages": [{"role": "user", "content": "Name a river."}],
            "temperature": 1,
            "max_tokens": 24,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_p": 1,
            "seed": 7,
            "stream": False,
        }
        return self.post("/api/backends/chat-completions/generate", **_connection(server, key), **{**body, **fields})

    @property
    def reached(self) -> set[str]:
        """Hosts outside this machine that it tried to reach."""
        return set(re.findall(r"^reached outside: (.+)$", self.log.read_text(errors="replace"), re.MULTILINE))


def _connection(server: RunningServer, key: str) -> dict[str, Any]:
    return {"chat_completion_source": "custom", "custom_url": server.base_url, "secret_id": key}


@contextmanager
def tavern(folder: Path) -> Iterator[Tavern]:
    """Start it on a free port of loopback, with `folder` as its own; ended with the block."""
    environment = node_environment("sillytavern")
    data, config, log = folder / "data", folder / "config.yaml", folder / "log"
    data.mkdir()
    config.write_text(CONFIG)
    compiled = environment / "compiled"
    compiled.mkdir(exist_ok=True)
    (data / "_webpack").symlink_to(compiled)  # so that only the first start of all compiles
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *("node", "--import", (PROGRAMS / "inside.mjs").as_uri()),
        str(environment / "node_modules" / "sillytavern" / "server.js"),
        *("--configPath", str(config), "--dataRoot", str(data), "--port", str(port)),
        *("--listen=false", "--browserLaunchEnabled=false", "--disableCsrf"),
    ]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with log.open("wb") as output, subprocess.Popen(command, env=environ, stdout=output, stderr=output) as process:

        def up() -> bool:
            said = log.read_text(errors="replace")
            assert process.poll() is None, said
            return "Go to: http" in said

        try:
            eventually(up, seconds=_START_SECONDS)
            yield Tavern(port, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
