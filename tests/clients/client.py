"""A client of somebody else's, and the small program that uses it as its own users would.

The programs are in `programs/`. Each runs in its client's environment, against a running server, and is told on its
command line what to do. Among what its client says on standard output it prints one line of JSON: what it got, and what
it reached outside the machine, which must be nothing.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clients.environments import locked_version, python_environment
from running_server import SMOL, RunningServer

PROGRAMS = Path(__file__).with_name("programs")

_RUN_SECONDS = 300


@dataclass(frozen=True)
class Client:
    """One row of the table of clients."""

    name: str
    version: str
    command: Callable[[], list[str]]
    """Makes the environment if it is missing; the program's argv, to which the task is appended."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Columns of the table that this client has nothing for, and why."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """What else is set for its programs."""

    @property
    def marks(self) -> pytest.MarkDecorator:
        """For the tests of this client: `pytestmark = CLIENT.marks`."""
        return pytest.mark.client(self)

    def run(self, task: str, server: RunningServer, **environ: str) -> Any:
        """What the program got when it did `task` against `server`."""
        home = server.data_dir / "client-home"
        home.mkdir(exist_ok=True)
        ran = subprocess.run(
            [*self.command(), task],
            env={**surroundings(server, home), **self.environ, **environ},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
        assert ran.returncode == 0, f"{self.name}, {task}:\n{ran.stdout[-4000:]}{ran.stderr[-6000:]}"
        (line,) = [line for line in ran.stdout.splitlines() if line.startswith('{"got":')]
        said = json.loads(line)
        assert said["reached"] == [], f"{self.name} reached outside the machine: {said['reached']}"
        return said["got"]


def surroundings(server: RunningServer, home: Path) -> dict[str, str]:
    """The environment of a client's program: the server, the model, and nothing of the machine's user."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": server.key,
        "MODEL": SMOL,
    }


def python_command(environment: str, program: str) -> list[str]:
    """The argv of `programs/PROGRAM` in the environment of `requirements/clients/ENVIRONMENT.txt`."""
    return [str(python_environment(environment)), "-W", "ignore", str(PROGRAMS / program)]


def python_client(
    name: str,
    package: str,
    program: str,
    *,
    environment: str,
    lacks: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Client:
    """A client from `requirements/clients/ENVIRONMENT.txt`, where `package` is the one that it is known by."""
    version = f"{package} {locked_version(environment, package)}"
    return Client(name, version, lambda: python_command(environment, program), lacks or {}, environ or {})
