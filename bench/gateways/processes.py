"""Processes of the benchmark: started on one core, and what they and their children took of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

GATEWAY_CORE, OTHER_CORE = 0, 1
"""Where the gateways run, and where the mock and the clients do; on a machine with one core that is the same."""

_CPUCLOCK_SCHED = 2
_STOP_SECONDS = 10.0


def end_by_signal() -> None:
    """Let SIGTERM leave every block on the way out, as Ctrl-C does, so that what was started is ended."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _pin(core: int) -> None:
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[min(core, len(usable) - 1)]})


@contextmanager
def started(
    command: Sequence[str | Path],
    *,
    log: Path,
    core: int = GATEWAY_CORE,
    environ: Mapping[str, str] | None = None,
    pipe: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended with all its children when the block is left.

    With `pipe` its standard output can be read here; without, it goes to `log` as standard error does.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else errors,
            stderr=errors,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
            preexec_fn=lambda: _pin(core),
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    family = tree(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    if process.stdout is not None:
        process.stdout.close()


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it has started; empty where it has ended."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """What a process and its living descendants took so far, in user and kernel mode, to the nanosecond.

    It is the clock of each process as clock_getcpuclockid(3) has it; /proc tells the same, in steps of 10 ms.
    """
    return sum(time.clock_gettime(~member.pid << 3 | _CPUCLOCK_SCHED) for member in tree(pid))


@dataclass(frozen=True)
class Memory:
    """Of a process tree, in bytes: `pss` counts what several share once among them."""

    rss: int
    pss: int


def memory(pid: int) -> Memory:
    """What a process and its descendants hold now."""
    full = [member.memory_full_info() for member in tree(pid)]
    return Memory(sum(one.rss for one in full), sum(one.pss for one in full))
