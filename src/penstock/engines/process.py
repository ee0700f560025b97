"""The server's side of the pact with an engine process; child.py has the other side and says what the pact is."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from penstock.engines.engine import Abilities, Launch

_LOG_BYTES = 5_000_000
_INHERITED = {
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
}
_INHERITED_PREFIXES = ("OMP_", "GGML_")


class _Announcement(msgspec.Struct):
    url: str
    abilities: Abilities = Abilities()


class EngineDied(Exception):
    """The process ended before it listened; the message is the reason as far as its log tells."""


@dataclass(frozen=True)
class EngineProcess:
    """A running engine."""

    url: str
    abilities: Abilities
    log_path: Path
    _process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the process to end; its exit status, negative for a signal."""
        return await self._process.wait()

    async def kill(self) -> None:
        """End the process now. Engines keep nothing that a clean end would save."""
        await _end(self._process)


async def start(launch: Launch, *, log_path: Path) -> EngineProcess:
    """Start an engine and wait until it listens, however long its model takes to load.

    Raises EngineDied when it ends before that. Cancelling ends the process.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log_path)
    with log_path.open("ab") as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", launch.module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log_file,
            env={**engine_environment(os.environ), **launch.environ},
            start_new_session=True,  # Ctrl-C in the terminal is for the server, which lets streams finish
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, process)
        process.stdin.write(msgspec.json.encode(launch.config) + b"\n")
        answer = await process.stdout.readline()
        if not answer:
            raise EngineDied(_reason(await process.wait(), log_path))
        stack.pop_all()
    said = msgspec.json.decode(answer, type=_Announcement)
    return EngineProcess(said.url, said.abilities, log_path, process)


def engine_environment(environ: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """What an engine may know of the server's environment: how to run here, and no secret."""
    return {
        name: value for name, value in environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _reason(status: int, log_path: Path) -> str:
    with log_path.open("rb") as log_file:
        log_file.seek(max(0, log_path.stat().st_size - 4096))
        lines = [line.strip() for line in log_file.read().decode(errors="replace").splitlines() if line.strip()]
    ended = f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"
    return f"{ended}; the last line of {log_path}: {lines[-1][:300]}" if lines else ended


def _rotate(log_path: Path) -> None:
    if log_path.exists() and log_path.stat().st_size > _LOG_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
