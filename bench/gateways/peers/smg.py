"""smg: the fastest of those who look at what they carry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateways.peer import INSTALLS, KEY, LOCKS, LOGS, Running, free_port, in_venv, until_it_answers
from gateways.processes import started


class Smg:
    """The Rust router that grew up in SGLang."""

    name = "smg"
    title = "smg (Rust)"
    _venv = INSTALLS / "smg"

    def install(self) -> str:
        return in_venv(self._venv, "smg", lock=LOCKS / "gateways" / "smg.txt")

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, log = free_port(), LOGS / "smg.log"
        launch: list[str | Path] = [
            *(self._venv / "bin" / "smg", "launch", "--host", "127.0.0.1", "--port", str(port)),
            *("--worker-urls", f"http://127.0.0.1:{mock_port}", "--policy", "round_robin", "--api-key", KEY),
            *("--log-level", "warn", "--disable-tokenizer-autoload", "--disable-load-monitoring"),
            *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port())),
        ]
        with started(launch, log=log) as process:
            until_it_answers(port, "/readiness", process, log, key=KEY)
            yield Running(port, process.pid)
