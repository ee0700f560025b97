"""Penstock, once as it is and once without what it counts."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateways.compiled import HERE
from gateways.peer import INSTALLS, LOGS, NotHere, Running, command
from gateways.processes import started
from penstock import __version__


class Penstock:
    """This project's server, in the state of this checkout."""

    def __init__(self, name: str, title: str, *, on: bool) -> None:
        self.name, self.title, self._on = name, title, on

    def install(self) -> str:
        commit = command("git", "-C", HERE, "rev-parse", "--short", "HEAD").strip()
        changed = command("git", "-C", HERE, "status", "--porcelain", "--", ":/src").strip()
        return f"{__version__} ({commit}{', changed' if changed else ''})"

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        log = LOGS / f"{self.name}.log"
        INSTALLS.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            # Of this run alone: another one beside it has its own.
            data = Path(stack.enter_context(TemporaryDirectory(prefix=f"{self.name}-", dir=INSTALLS)))
            told = [f"http://127.0.0.1:{mock_port}", *([] if self._on else ["--off"])]
            server: list[str | Path] = [sys.executable, HERE / "penstock_server.py", data, *told]
            process = stack.enter_context(started(server, log=log, pipe=True))
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                last = log.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"]
                raise NotHere(f"it did not start: {last[-1][:300]}")
            where = json.loads(line)
            ledger = data / "penstock.db" if self._on else None
            yield Running(int(where["url"].rpartition(":")[2]), process.pid, where["key"], ledger=ledger, data=data)


def recorded(ledger: Path) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens that a Penstock's ledger has, all in all."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        row = connection.execute(
            "SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0) FROM usage"
        ).fetchone()
    return row[0], row[1], row[2]
