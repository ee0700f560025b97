"""The seam between the benchmark and a gateway: how it is installed, in a folder of its own, and how it is started."""

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from gateways.compiled import CACHE, HERE

KEY = "sk-bench-0123456789abcdef"
"""What clients send to a gateway that can be told of a key."""
INSTALLS = CACHE / "peers"
LOGS = CACHE / "logs"
LOCKS = HERE.parents[1] / "requirements"

_START_SECONDS = 180.0


class NotHere(Exception):
    """This gateway cannot be installed or started on this machine; the message says why."""


@dataclass(frozen=True)
class Running:
    """A gateway that answers."""

    port: int
    pid: int | None = None
    """Of the top of its process tree; None: it is the mock itself."""
    key: str = KEY
    header: str = ""
    """More lines for each request's head."""
    ledger: Path | None = None
    """Where it records usage, when it does."""
    data: Path | None = None
    """The folder that it was given for what it keeps, which goes with it."""


class Peer(Protocol):
    """One gateway."""

    name: str
    title: str

    def install(self) -> str:
        """Make it ready to start, and tell its version. Raises NotHere."""

    def running(self, mock_port: int) -> AbstractContextManager[Running]:
        """It runs while the block does. Raises NotHere before the block is entered."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


def until_it_answers(port: int, path: str, process: subprocess.Popen[bytes], log: Path, *, key: str = "") -> None:
    """Wait for a GET that gives 200. Raises NotHere with the end of the log where none comes."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port, path, headers):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").split()
            raise NotHere(f"it did not start: {' '.join(said)[-300:]}")
        time.sleep(0.05)


def _answers(port: int, path: str, headers: dict[str, str]) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def command(*arguments: str | Path, cwd: Path | None = None) -> str:
    """What a command prints. Raises NotHere with the end of what it complained of."""
    try:
        ran = subprocess.run([str(part) for part in arguments], capture_output=True, text=True, check=False, cwd=cwd)
    except OSError as error:
        raise NotHere(f"{arguments[0]} cannot be run: {error.strerror}") from error
    if ran.returncode:
        last = (ran.stderr or ran.stdout).strip().splitlines() or ["nothing"]
        raise NotHere(f"`{' '.join(str(part) for part in arguments[:4])}` failed: {last[-1][:300]}")
    return ran.stdout + ran.stderr


def in_venv(venv: Path, package: str, *, lock: Path) -> str:
    """Install exactly what `lock` names into an environment of its own; the version of `package` in it."""
    stamp = venv / ".installed"
    wanted = lock.read_text(encoding="utf-8")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        click.echo(f"installing {package} ...", err=True)
        command(sys.executable, "-m", "venv", "--clear", venv)
        python = venv / "bin" / "python"
        command(python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--require-hashes", "-r", lock)
        stamp.write_text(wanted, encoding="utf-8")
    (version,) = re.findall(rf"^{re.escape(package)}==(\S+)", wanted, re.MULTILINE)
    return str(version)
