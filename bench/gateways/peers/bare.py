"""A bare loop in Python, for what is not streamed: the floor of what Penstock could cost."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateways.compiled import HERE
from gateways.peer import KEY, LOGS, NotHere, Running
from gateways.processes import started


class Bare:
    """bench/gateways/bare_loop.py."""

    name, title = "bare", "a bare loop in Python, no streams"

    def install(self) -> str:
        return sys.version.split()[0]

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        loop: list[str | Path] = [sys.executable, HERE / "bare_loop.py", str(mock_port), KEY]
        with started(loop, log=LOGS / "bare.log", pipe=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise NotHere("it did not start")
            yield Running(int(line), process.pid)
