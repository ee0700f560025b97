"""Programs that tests need and pip does not have: found, or installed from Debian's packages where that is possible."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from turns import one_at_a_time

_INSTALL_SECONDS = 570
_POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian asks before a package that was installed starts its service."""


def program(name: str, package: str, *, folders: str = "") -> str:
    """The path of a program, from PATH and then from `folders`, a pattern whose last match is taken.

    Where it is neither found nor can be installed the test is skipped; in CI, that is where the variable CI is set, it
    fails.
    """
    if found := _find(name, folders):
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        said = f"{name} is missing; on Debian: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    with one_at_a_time("apt-get"):
        found = _find(name, folders)  # whoever had the turn before has installed it
        if not found:
            _install(package)
            found = _find(name, folders)
    assert found, f"{package} has no {name}"
    return found


def _find(name: str, folders: str) -> str | None:
    if found := shutil.which(name):
        return found
    matches = sorted(Path("/").glob(f"{folders}/{name}")) if folders else []
    return str(matches[-1]) if matches else None


def _install(package: str) -> None:
    with _services_not_started():
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


@contextmanager
def _services_not_started() -> Iterator[None]:
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _run(*command: str) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
