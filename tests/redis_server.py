"""A real Redis of the tests' own, on a free port of loopback, gone with the process that started it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis
from debian import program
from running_server import eventually, free_port

# Outlives whoever started the server, kill -9 included, and ends it: its standard input closes then.
_KEEPER = '"$1" --port "$2" --bind 127.0.0.1 --dir "$3" --save "" --appendonly no --daemonize no & cat; kill -9 $!'


@dataclass
class RedisServer:
    """A server that keeps nothing on disk."""

    binary: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["sh", "-c", _KEEPER, "sh", self.binary, str(self.port), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self._answers)

    def stop(self) -> None:
        """End it at once; what it knew is gone."""
        if self.process is not None:
            self.process.communicate()
            self.process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Down for the length of the block; empty afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Still there, and answering nothing, for the length of the block."""
        with redis.Redis.from_url(self.url) as client:
            info: dict[str, int] = client.info("server")
        os.kill(info["process_id"], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(info["process_id"], signal.SIGCONT)

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server, ended with the block."""
    binary = program("redis-server", "redis-server")
    folder = Path(tempfile.mkdtemp(prefix="penstock-redis-"))
    server = RedisServer(binary, folder, free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
