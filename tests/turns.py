"""How two processes of the tests go on beside each other in one checkout: in turns, and each on cores of its own."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".cache"


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Waits for whoever else is in a block of this name."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def own_cores() -> set[int]:
    """The cores of the servers of this worker."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    usable = os.sched_getaffinity(0)
    return set(sorted(usable)[int(worker.removeprefix("gw")) % workers :: workers]) or usable if worker else usable


def keep_to_own_cores(pid: int) -> None:
    """Give a server the cores of its worker: an engine has a thread for each core that it may use, and those of two
    engines on the same cores wait for each other far longer than they work."""
    if hasattr(os, "sched_setaffinity"):
        with suppress(ProcessLookupError):  # it has ended already, as its test will tell
            os.sched_setaffinity(pid, own_cores())
