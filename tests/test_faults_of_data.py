"""What the server does without its data: a database that is locked, a disk that is full, a clock that is wrong."""

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_server import Answer, RunningServer, eventually, free_port, penstock, serving

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 64
[models.echo]
directives = true
tokens_per_second = 50
"""
LIMITED = """
[[models]]
id = "limited"
engine = "echo"
context_length = 64
[plans.unlimited.models.limited]
requests_per_minute = 2
"""
CLOCK = Path(__file__).parent / "shifted_clock"
SHM_LOCKS = (120, 8)
"""The bytes of SQLite's WAL index that stand for its locks, from its file format: who has them all keeps out readers
and writers alike."""


def request_ids(answers: list[Answer]) -> set[str]:
    assert [answer.status for answer in answers] == [200] * len(answers), [answer.body for answer in answers]
    return {answer.headers["x-request-id"] for answer in answers}


def in_the_ledger(server: RunningServer, wanted: set[str]) -> None:
    """Waits until each has its row, and none has two."""

    def there() -> bool:
        return wanted <= {row["request_id"] for row in server.ledger()}

    eventually(there)
    rows = [row["request_id"] for row in server.ledger()]
    assert len(rows) == len(set(rows))


@contextmanager
def locked(server: RunningServer) -> Iterator[None]:
    """Nobody can read or write the database: another process has it."""
    start, length = SHM_LOCKS
    with (server.data_dir / "penstock.db-shm").open("r+b") as index:
        fcntl.lockf(index, fcntl.LOCK_EX, length, start)
        yield


@contextmanager
def full_disk(server: RunningServer) -> Iterator[None]:
    """No file of the server may grow, its log included."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("faults"), "--model", "echo", config=CONFIG) as running:
        yield running


def test_a_locked_database_stops_nobody_who_is_known(server: RunningServer) -> None:
    stranger, admin = server.new_key("stranger"), server.new_key("admin", "--scope", "admin")
    accounts = ("GET", "/api/admin/accounts", None, {"authorization": f"Bearer {admin}"})
    assert server.request(*accounts).status == 200
    answers = [server.chat("one")]
    with locked(server):

        def looked_up_in_vain() -> bool:
            answers.append(server.chat("two"))
            return "API keys cannot be looked up" in server.log.read_text()

        eventually(looked_up_in_vain)
        answers += [server.chat("three"), server.chat("four", stream=True)]
        refused = server.request("GET", "/v1/models", headers={"authorization": f"Bearer {stranger}"})
        unread = server.request(*accounts)
        assert (unread.status, unread.error["code"]) == (503, "service_unavailable")
        assert int(unread.headers["retry-after"]) > 0
        assert (refused.status, refused.error["code"]) == (503, "service_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-should-retry"] == "true"
        malformed = server.request("GET", "/v1/models", headers={"authorization": "Bearer psk_no"})
        assert malformed.status == 401, "what is no key at all needs no database"
        assert server.ready()
    in_the_ledger(server, request_ids(answers))
    recovered = {"authorization": f"Bearer {stranger}"}
    eventually(lambda: server.request("GET", "/v1/models", headers=recovered).status == 200)


def test_a_full_disk_stops_nobody_and_loses_no_usage(server: RunningServer) -> None:
    before = request_ids([server.chat("before")])
    in_the_ledger(server, before)
    with full_disk(server):
        answers = [server.chat("one two", stream=stream) for stream in (False, True) * 5]
        assert server.ready()
    in_the_ledger(server, request_ids(answers))
    assert server.process.poll() is None


def set_clock(clock: Path, seconds: int) -> None:
    """In one step: whoever reads it meanwhile finds a whole number."""
    new = clock.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(clock)


def test_a_clock_that_jumps_moves_no_limit_and_breaks_nothing_off(tmp_path: Path) -> None:
    """Keys end by the wall clock, as they were made to; everything else runs on one that only goes forward."""
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    environ = {
        "PYTHONPATH": os.pathsep.join([str(CLOCK), os.environ.get("PYTHONPATH", "")]),
        "SHIFTED_CLOCK": str(clock),
    }
    config = f"metrics_port = {free_port()}\n{CONFIG}{LIMITED}"
    with serving(tmp_path / "data", "--model", "echo", "--model", "limited", config=config, environ=environ) as server:
        made = penstock("keys", "create", "short", "--expires", "7m", data_dir=server.data_dir)
        short = {"authorization": f"Bearer {made.stdout.strip()}"}
        stream = iter(
            server.client().chat.completions.create(
                model="echo", messages=[{"role": "user", "content": "word " * 20}], stream=True
            )
        )
        next(stream)
        answers = []
        for shift in (300, -300):
            set_clock(clock, shift)
            answers += [server.chat("one two"), server.chat("one", model="limited")]
            assert server.request("GET", "/v1/models", headers=short).status == 200
        assert list(stream)[-1].choices[0].finish_reason == "stop"
        for shift in (-300, 0, 300):
            set_clock(clock, shift)
            refused = server.chat("one", model="limited")
            assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert b'penstock_limits_hit_total{limit="requests_per_minute"} 3.0' in server.metrics().body
        set_clock(clock, 600)
        assert server.request("GET", "/v1/models", headers=short).status == 401
        in_the_ledger(server, request_ids(answers))
        rows = server.ledger()
        assert all(0 <= row["total_ms"] < 60_000 for row in rows)
        assert server.stop() == 0
