"""Where other people's clients are installed: one environment for each, made when first needed, kept between runs.

What belongs into one is locked in requirements/clients/, so its name holds the lock's hash: `.cache/clients/NAME-HASH`.
A lock that changes makes a new environment and removes the old one. Nothing is installed beside Penstock itself.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements" / "clients"
CACHE = ROOT / ".cache" / "clients"

_INSTALL_SECONDS = 570
_WHOLE = ".whole"
"""A file that stands in an environment once it is complete."""


def environment(
    name: str, inputs: list[Path], build: Callable[[Path], None], *, version: str = "", cache: Path = CACHE
) -> Path:
    """The folder that `build` filled for exactly these `inputs` and this `version` of what runs them.

    `build` is given an empty folder, at its final path. A half-made one, of a run that was broken off, is made anew;
    a second run beside this one waits.
    """
    digest = hashlib.sha256(version.encode())
    for file in inputs:
        digest.update(file.read_bytes())
    folder = cache / f"{name}-{digest.hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _WHOLE).exists():
            return folder
        for old in cache.iterdir():
            if re.fullmatch(re.escape(name) + "-[0-9a-f]{12}", old.name):
                shutil.rmtree(old)
        folder.mkdir()
        build(folder)
        (folder / _WHOLE).touch()
    return folder


def python_environment(name: str) -> Path:
    """The interpreter of a virtual environment with what `requirements/clients/NAME.txt` locks."""
    lock = LOCKS / f"{name}.txt"

    def build(folder: Path) -> None:
        install([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        install(
            [
                *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
                *("install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"),
                *("--only-binary", ":all:", "--require-hashes", "-r", str(lock)),
            ]
        )

    return environment(name, [lock], build, version=sys.version) / "bin" / "python"


def locked_version(name: str, package: str) -> str:
    """The version of `package` in `requirements/clients/NAME.txt`."""
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}(?:\[[^]]*])?==(\S+)", text, re.MULTILINE)
    assert found, f"{package} is not in {name}.txt; `make lock` compiles it from {name}.in"
    return found[1]


def install(command: list[str], folder: Path = ROOT) -> None:
    """Run one step of a set-up. What it says is shown where it fails."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
