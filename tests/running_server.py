"""A real `penstock serve` in a process of its own, and what a test wants to ask it."""

import http.client
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import openai
import psutil
from first_key import first_key
from turns import keep_to_own_cores

T = TypeVar("T")

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SMOL_EMBEDDING = "HuggingFaceTB/SmolLM2-135M-Embedding"
LLAMA = "klusterai/Meta-Llama-3.1-8B-Instruct-Turbo"


def eventually(look: Callable[[], T | None], *, seconds: float = 30.0) -> T:
    """What `look` gives once it gives something true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not happen within {seconds} s")


def ended(process: psutil.Process) -> bool:
    """Whether a process is no more, or only its entry is, for want of somebody who asks for its status."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went between the two questions
        return True


def command_line(process: psutil.Process) -> list[str]:
    """The words that started a process; none where it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def penstock(
    *arguments: str,
    data_dir: Path,
    environ: dict[str, str] | None = None,
    stdin: str | None = None,
    seconds: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "penstock", *arguments],
        env={**os.environ, "PENSTOCK_DATA_DIR": str(data_dir), **(environ or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def free_port() -> int:
    """A port of loopback that nobody listens on; none of those that the system gives to outgoing connections, of which
    other tests have thousands."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)  # Hypothesis gives `random` the same seed everywhere
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def receive_until(connection: socket.socket, marker: bytes) -> bytes:
    """What comes over a raw connection, up to and with the part that has `marker`."""
    received = b""
    while marker not in received:
        part = connection.recv(65536)
        assert part, received
        received += part
    return received


@dataclass
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool
    """The connection was cut before the body's end."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error


@dataclass
class RunningServer:
    """A server on loopback, with a key that opens it."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    key: str
    log: Path
    clients: list[openai.OpenAI] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def client(self, key: str | None = None, *, retries: int = 0) -> openai.OpenAI:
        """The official client."""
        client = openai.OpenAI(base_url=self.base_url, api_key=key or self.key, max_retries=retries, timeout=60)
        self.clients.append(client)
        return client

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request over its own connection; authorised unless `headers` are given."""
        given = {"authorization": f"Bearer {self.key}"} if headers is None else headers
        if body is not None:
            given = {"content-type": "application/json", **given}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            try:
                return Answer(response.status, answered, response.read(), cut=False)
            except http.client.IncompleteRead as error:
                return Answer(response.status, answered, error.partial, cut=True)
        finally:
            connection.close()

    def chat(self, content: str = "Hello there", **fields: Any) -> Answer:
        """A chat completion of the model `echo` unless another is named."""
        body = {"model": "echo", "messages": [{"role": "user", "content": content}], **fields}
        return self.request("POST", "/v1/chat/completions", json.dumps(body).encode())

    def metrics(self, method: str = "GET", path: str = "/metrics", **headers: str) -> Answer:
        """What the listener for metrics answers, which the banner tells of."""
        told = re.search(r"Metrics +http://127\.0\.0\.1:(\d+)/metrics", self.log.read_text())
        assert told, self.log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", int(told[1]), timeout=60)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read(), cut=False)
        finally:
            connection.close()

    @property
    def setup_token(self) -> str:
        """What the server printed for its first administrator; "" where it printed nothing."""
        told = re.search(rf"http://127\.0\.0\.1:{self.port}/setup\?token=(\S+)", self.log.read_text())
        return told[1] if told else ""

    def ledger(self) -> list[dict[str, Any]]:
        """All usage rows, oldest first."""
        database = sqlite3.connect(self.data_dir / "penstock.db")
        database.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in database.execute("SELECT * FROM usage ORDER BY created_at")]
        finally:
            database.close()

    def usage_of(self, request_id: str) -> dict[str, Any]:
        """The one row of a request, waited for."""

        def rows() -> list[dict[str, Any]]:
            return [row for row in self.ledger() if row["request_id"] == request_id]

        eventually(rows)
        (row,) = rows()
        return row

    def engine_pids(self) -> list[int]:
        """The engine processes of this server."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [child.pid for child in children if any("penstock.engines" in part for part in command_line(child))]

    def new_key(self, name: str, *options: str) -> str:
        made = penstock("keys", "create", name, *options, data_dir=self.data_dir)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def ready(self) -> bool:
        return self.request("GET", "/ready", headers={}).status == 200

    def at_rest(self) -> bool:
        """Whether a model answers, and none is on its way."""
        told = self.request("GET", "/ready", headers={})
        return told.status == 200 and not {"pulling", "loading"} & set(told.json["models"].values())

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """End the server; its exit status."""
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(timeout=60)


@contextmanager
def serving(
    data_dir: Path,
    *arguments: str,
    config: str = "",
    environ: dict[str, str] | None = None,
    ready: bool = True,
    lost_terminal: bool = False,
    python: str | Path = sys.executable,
) -> Iterator[RunningServer]:
    """Start `penstock serve` on a free port; ended with the block, with every engine.

    With `lost_terminal` it writes into a pipe that nobody reads any more once it has told its port.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "penstock.toml").write_text(config)
    log = data_dir / "serve.log"
    pipe, into = os.pipe() if lost_terminal else (None, None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "penstock", "serve", "--port", "0", *arguments],
            env={**os.environ, "PENSTOCK_DATA_DIR": str(data_dir), **(environ or {})},
            stdout=output,
            stderr=output if into is None else into,
            cwd=data_dir,
        )
    keep_to_own_cores(process.pid)
    if into is not None:
        os.close(into)
    try:
        if pipe is not None:
            log.write_bytes(_read_until_port(pipe))
            os.close(pipe)
        port = eventually(lambda: _port(process, log))
        database = {name: url for name, url in (environ or {}).items() if name == "PENSTOCK_DATABASE_URL"}
        server = RunningServer(process, port, data_dir, first_key(data_dir, database), log)
        if ready:
            eventually(server.at_rest, seconds=90)
        yield server
        server.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _read_until_port(pipe: int) -> bytes:
    said = b""
    while b"/v1\n" not in said:
        part = os.read(pipe, 4096)
        assert part, said
        said += part
    return said


def _port(process: subprocess.Popen[bytes], log: Path) -> int | None:
    text = log.read_text(errors="replace")
    assert process.poll() is None, text
    found = re.search(r"API base +http://127\.0\.0\.1:(\d+)/v1", text)
    return int(found[1]) if found else None
