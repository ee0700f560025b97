"""The gateways that are measured: how each is installed, in a folder of its own, and how it is started.

Each runs as one process with one worker on one core, in front of the same mock, and is set as its own documentation
recommends for speed; bench/README.md has the sources. Where a gateway can be told to check a key, it is.
"""

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from gateways.compiled import CACHE, HERE
from gateways.processes import started, wait_until

KEY = "sk-bench-0123456789abcdef"
INSTALLS = CACHE / "peers"
LOGS = CACHE / "logs"
LOCKS = HERE.parents[1] / "requirements"


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
    """One more line for each request's head."""
    ledger: Path | None = None
    """Where it records usage, when it does."""


class Peer(Protocol):
    """One gateway."""

    name: str
    title: str

    def install(self) -> str:
        """Make it ready to start, and tell its version. Raises NotHere."""

    def running(self, mock_port: int) -> AbstractContextManager[Running]:
        """It runs while the block does."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


def answers(port: int, path: str, **headers: str) -> bool:
    """Whether a GET there gives 200."""
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


class Direct:
    """No gateway: the mock's own port."""

    name = "direct"
    title = "no gateway"

    def install(self) -> str:
        return ""

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        yield Running(mock_port)


class Nginx:
    """A bare reverse proxy that looks at nothing: the floor."""

    name = "nginx"
    title = "nginx, bare reverse proxy"
    _package = INSTALLS / "nginx"

    def install(self) -> str:
        told = command(self._binary(), "-v")
        return told.rpartition("/")[2].strip()

    def _binary(self) -> Path:
        """The machine's own, or Debian's package unpacked into a folder: no service, no rights needed."""
        if found := shutil.which("nginx"):
            return Path(found)
        unpacked = self._package / "usr" / "sbin" / "nginx"
        if not unpacked.is_file():
            if shutil.which("apt-get") is None:
                raise NotHere("there is no nginx here, and no apt-get to fetch it with")
            self._package.mkdir(parents=True, exist_ok=True)
            command("apt-get", "download", "nginx", cwd=self._package)
            (deb,) = self._package.glob("nginx_*.deb")
            command("dpkg-deb", "-x", deb, self._package)
        return unpacked

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, folder = free_port(), self._package / "run"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        template = (HERE / "nginx.conf").read_text(encoding="utf-8")
        user = "user root;" if is_root() else ""
        for name, value in {"PORT": port, "MOCK": mock_port, "FOLDER": folder, "USER": user}.items():
            template = template.replace(f"@{name}@", str(value))
        config.write_text(template, encoding="utf-8")
        log = LOGS / "nginx.log"
        with started([self._binary(), "-c", config, "-p", folder, "-e", "stderr"], log=log) as process:
            wait_until(lambda: answers(port, "/health"), "nginx", process=process, log=log)
            yield Running(port, process.pid)


def is_root() -> bool:
    """nginx run by root gives its workers another user, who may not read our folders."""
    return Path("/proc/self").stat().st_uid == 0


class Penstock:
    """This project's server, in the state of this checkout."""

    def __init__(self, name: str, title: str, *, on: bool) -> None:
        self.name, self.title, self._on = name, title, on

    def install(self) -> str:
        from penstock import __version__

        commit = command("git", "-C", HERE, "rev-parse", "--short", "HEAD").strip()
        changed = command("git", "-C", HERE, "status", "--porcelain", "--", ":/src").strip()
        return f"{__version__} ({commit}{', changed' if changed else ''})"

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        data, log = INSTALLS / self.name, LOGS / f"{self.name}.log"
        shutil.rmtree(data, ignore_errors=True)
        server: list[str | Path] = [sys.executable, HERE / "penstock_server.py", data, f"http://127.0.0.1:{mock_port}"]
        with started([*server, *([] if self._on else ["--off"])], log=log, pipe=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise NotHere(f"it did not start: {log.read_text(encoding='utf-8')[-300:]}")
            where = json.loads(line)
            ledger = data / "penstock.db" if self._on else None
            yield Running(int(where["url"].rpartition(":")[2]), process.pid, where["key"], ledger=ledger)


def recorded(ledger: Path) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens that a Penstock's ledger has, all in all."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        row = connection.execute(
            "SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0) FROM usage"
        ).fetchone()
    return row[0], row[1], row[2]


class Smg:
    """The Rust router that grew up in SGLang."""

    name = "smg"
    title = "smg (Rust)"
    _venv = INSTALLS / "smg"

    def install(self) -> str:
        return in_venv(self._venv, "smg", lock=LOCKS / "gateways" / "smg.txt")

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, log = free_port(), LOGS / "smg.log"
        launch: list[str | Path] = [
            *(self._venv / "bin" / "smg", "launch", "--host", "127.0.0.1", "--port", str(port)),
            *("--worker-urls", f"http://127.0.0.1:{mock_port}", "--policy", "round_robin", "--api-key", KEY),
            *("--log-level", "warn", "--disable-tokenizer-autoload", "--disable-load-monitoring"),
            *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port())),
        ]
        with started(launch, log=log) as process:
            bearer = {"authorization": f"Bearer {KEY}"}
            wait_until(lambda: answers(port, "/readiness", **bearer), "smg", process=process, log=log)
            yield Running(port, process.pid)


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
