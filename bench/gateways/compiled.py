"""The two programs in C: the mock upstream and the clients, compiled where they are older than their source."""

import shutil
import subprocess
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "gateways"
"""Where everything lies that the benchmark makes or installs; git ignores it."""

MISSING = """There is no C compiler (cc). On Debian and Ubuntu: apt-get install gcc libc6-dev"""


def program(name: str) -> Path:
    """The path of `mock` or `load`, up to date. Raises ClickException where there is no compiler."""
    made, source = CACHE / name, HERE / f"{name}.c"
    newest = max(path.stat().st_mtime for path in (source, HERE / "words.h"))
    if made.is_file() and made.stat().st_mtime > newest:
        return made
    if shutil.which("cc") is None:
        raise click.ClickException(MISSING)
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", made, source], check=True)
    return made
