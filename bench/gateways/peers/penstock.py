"""Penstock, once as it is and once without what it counts."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        data, log = INSTALLS / self.name, LOGS / f"{self.name}.log"
        shutil.rmtree(data, ignore_errors=True)
        server: list[str | Path] = [sys.executable, HERE / "penstock_server.py", data, f"http://127.0.0.1:{mock_port}"]
        with started([*server, *([] if self._on else ["--off"])], log=log, pipe=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise NotHere(f"it did not start: {log.read_text(encoding='utf-8')[-300:]}")
            where = json.loads(line)
            ledger = data / "penstock.db" if self._on else None
            yield Running(int(where["url"].rpartition(":")[2]), process.pid, where["key"], ledger=ledger)


def recorded(ledger: Path) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens that a Penstock's ledger has, all in all."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        row = connection.execute(
            "SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0) FROM usage"
        ).fetchone()
    return row[0], row[1], row[2]
