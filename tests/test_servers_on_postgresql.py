"""Two servers on one PostgreSQL: one set of keys, one ledger, and nobody has to start anew when the database did."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from running_server import Answer, RunningServer, eventually, penstock, serving

CONFIG = """
database_url = "{url}"
[[models]]
id = "echo"
engine = "echo"
context_length = 400
[models.echo]
tokens_per_second = 20
"""


@pytest.fixture
def servers(postgres_url: str, tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Each with a data folder of its own; the pepper is in both, or the keys of one would open nothing at the other."""
    config = CONFIG.format(url=postgres_url)
    with serving(tmp_path / "first", "--model", "echo", config=config) as first:
        (tmp_path / "second").mkdir()
        shutil.copy(first.data_dir / "pepper", tmp_path / "second")
        with serving(tmp_path / "second", "--model", "echo", config=config) as second:
            yield first, second


def chat(server: RunningServer, key: str, words: int, *, stream: bool = False) -> Answer:
    message = {"role": "user", "content": " ".join(["word"] * words)}
    body = json.dumps({"model": "echo", "messages": [message], "stream": stream}).encode()
    return server.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})


def rows(url: str) -> dict[str, int]:
    """Request -> tokens of its answer, and the sums of both tables beside."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # all from one state
        found: dict[str, int] = dict(connection.execute("SELECT request_id, completion_tokens FROM usage").fetchall())
        for table in (b"usage_hourly", b"usage_daily"):
            sums = connection.execute(b"SELECT SUM(requests), SUM(completion_tokens) FROM " + table).fetchone()
            assert sums == ((len(found), sum(found.values())) if found else (None, None))
    return found


def test_one_database_and_two_servers(
    servers: tuple[RunningServer, RunningServer], postgres: PostgresServer, postgres_url: str
) -> None:
    first, second = servers
    answers = [chat(server, key, 3) for server in servers for key in (first.key, second.key)]
    with postgres.stopped():
        answers += [chat(first, first.key, 4), chat(second, second.key, 5, stream=True)]
    assert [answer.status for answer in answers] == [200] * 6
    ids = {answer.headers["x-request-id"] for answer in answers}
    eventually(lambda: rows(postgres_url).keys() == ids)
    assert sorted(rows(postgres_url).values()) == [3, 3, 3, 3, 4, 5]

    shown = penstock("usage", "--json", data_dir=second.data_dir)
    assert shown.returncode == 0, shown.stderr
    leaving = first.new_key("leaving")
    assert [chat(server, leaving, 1).status for server in servers] == [200, 200]
    assert penstock("keys", "revoke", "leaving", data_dir=second.data_dir).returncode == 0
    eventually(lambda: [chat(server, leaving, 1).status for server in servers] == [401, 401])
    for server in servers:
        assert "Traceback" not in server.log.read_text()
