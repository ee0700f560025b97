"""Clients for Node: environments that npm makes of lock files without addresses, and the programs that run in them."""

import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from clients.client import PROGRAMS, Client
from clients.environments import LOCKS, environment, install


def node_environment(name: str) -> Path:
    """A folder with the `node_modules` that `requirements/clients/NAME/package-lock.json` locks.

    `programs` in it leads to ours, so that they find those packages. No package runs a script while it installs.
    """
    if shutil.which("npm") is None:
        pytest.skip("node and npm are missing; Node 20 or later runs these clients")
    inputs = [LOCKS / name / "package.json", LOCKS / name / "package-lock.json"]

    def build(folder: Path) -> None:
        for file in inputs:
            shutil.copy(file, folder)
        install(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        (folder / "programs").symlink_to(PROGRAMS)

    return environment(name, inputs, build)


def node_command(environment: str, program: str) -> list[str]:
    """The argv that runs `programs/PROGRAM` with the packages of an environment."""
    file = node_environment(environment) / "programs" / program
    # Else Node looks for packages where the link leads, which is no folder of packages.
    return ["node", "--preserve-symlinks", "--preserve-symlinks-main", str(file)]


def node_client(
    name: str, environment: str, package: str, program: str, lacks: Mapping[str, str] | None = None
) -> Client:
    """A client from `requirements/clients/ENVIRONMENT/`, used by `programs/PROGRAM`."""
    command = functools.partial(node_command, environment, program)
    return Client(name, f"{package} {locked_npm_version(environment, package)}", command, lacks or {})


def locked_packages(environment: str) -> dict[str, dict[str, object]]:
    """What a lock says of every package, by its place: `node_modules/NAME`."""
    lock = json.loads((LOCKS / environment / "package-lock.json").read_text(encoding="utf-8"))
    return {place: package for place, package in lock["packages"].items() if place}


def locked_npm_version(environment: str, package: str) -> str:
    """The version of `package` in `requirements/clients/ENVIRONMENT/package-lock.json`."""
    return str(locked_packages(environment)[f"node_modules/{package}"]["version"])
