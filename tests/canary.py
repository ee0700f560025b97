"""The canary of the hostile tests: somebody else's honest request, which must not notice what is done to the server."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field

from running_server import RunningServer, penstock

WITHIN_SECONDS = 2.0


def key_of_a_stranger(server: RunningServer) -> str:
    """A key of an account that is not the operator's."""
    with closing(sqlite3.connect(server.data_dir / "penstock.db")) as database, database:
        row = ("acct_stranger", "stranger@example.org", "Stranger", "user", "unlimited", time.time())
        database.execute(
            "INSERT INTO accounts (id, email, name, role, plan, created_at) VALUES (?, ?, ?, ?, ?, ?)", row
        )
    made = penstock("keys", "create", "stranger", "--account", "stranger@example.org", data_dir=server.data_dir)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@dataclass
class Canary:
    """Knows which engines there were when it came."""

    server: RunningServer
    key: str
    engines: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.engines = sorted(self.server.engine_pids())
        assert self.engines

    def sings(self) -> None:
        """It is answered in time, by the same engines."""
        body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "canary"}]}).encode()
        began = time.monotonic()
        answer = self.server.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {self.key}"})
        assert answer.status == 200, answer.body
        assert answer.json["choices"][0]["message"]["content"] == "canary"
        assert time.monotonic() - began < WITHIN_SECONDS
        assert sorted(self.server.engine_pids()) == self.engines
