"""A server of several processes: what holds across all of them, and what is left of it when one is killed."""

import json
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from batch_command import request
from running_server import SMOL, Answer, RunningServer, ended, eventually, free_port, penstock, receive_until, serving
from several import (
    ask_at,
    asking,
    config,
    connection_to,
    metric,
    of_connection,
    processes,
    rest_of,
    streaming_at,
)
from sign_in import ask_json, settle

LONG = "word " * 600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """For tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("several"), "--model", "echo", config=config(rate=0)) as running:
        yield running


def completed(server: RunningServer) -> list[dict[str, Any]]:
    return [row for row in server.ledger() if row["outcome"] == "completed"]


def test_a_limit_holds_right_across_all_processes(server: RunningServer) -> None:
    key = server.new_key("sixty", "--limit", "requests_per_minute=60")

    def ask(_: int) -> Answer:
        body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}).encode()
        return server.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(200)))
    assert Counter(answer.status for answer in answers) == {200: 60, 429: 140}
    assert all(answer.headers["x-ratelimit-limit-requests"] == "60" for answer in answers)
    refused = [answer for answer in answers if answer.status == 429]
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in refused)
    ids = {answer.headers["x-request-id"] for answer in answers if answer.status == 200}
    said = server.log.read_text().splitlines()
    by = Counter(line.split("[")[1].split("]")[0] for line in said if any(f"id={one} " in line for one in ids))
    assert set(by) == {"api 1", "api 2"}, "each process answered some of them"
    rows = eventually(lambda: [row for row in server.ledger() if row["request_id"] in ids] if ids else None)
    eventually(lambda: len([row for row in server.ledger() if row["key_id"] == rows[0]["key_id"]]) == 200)
    assert len({row["request_id"] for row in completed(server)} & ids) == 60
    eventually(lambda: metric(server, 'penstock_limits_hit_total{limit="requests_per_minute"}') == 140)


def test_on_shared_stores_limits_outlive_the_owner(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    stores = f'database_url = "{postgres_url}"\nvalkey_url = "{redis_url}"\n'
    with serving(tmp_path, "--model", "echo", config=stores + config(rate=0)) as server:
        key = server.new_key("twenty", "--limit", "requests_per_minute=20")

        def ask(number: int) -> int:
            return ask_at(server, f"api {number % 2 + 1}", "one two", key=key).status

        with ThreadPoolExecutor(4) as pool:
            assert Counter(pool.map(ask, range(40))) == {200: 20, 429: 20}
        processes(server)["owner"].kill()
        eventually(lambda: server.chat("Hi").status == 200, seconds=30)
        assert (ask(0), ask(1)) == (429, 429)
        with psycopg.connect(postgres_url) as connection:
            counted = "SELECT outcome, COUNT(*) FROM usage WHERE key_id = %s GROUP BY outcome"
            (key_id,) = connection.execute("SELECT id FROM api_keys WHERE name = 'twenty'").fetchone() or ("",)
            wanted = {"completed": 20, "failed": 22}
            eventually(lambda: dict(connection.execute(counted, [key_id]).fetchall()) == wanted)
        assert "Traceback" not in server.log.read_text()


def test_what_is_left_is_told_by_every_process(server: RunningServer) -> None:
    key = server.new_key("left", "--limit", "requests_per_minute=10", "--limit", "output_tokens_per_minute=10000")
    first = ask_at(server, "api 1", "one two three", key=key, max_tokens=100)
    second = ask_at(server, "api 2", "one two three", key=key, max_tokens=100)
    for answer, requests, tokens in ((first, "9", "9997"), (second, "8", "9994")):
        assert answer.status == 200
        assert answer.headers["x-ratelimit-remaining-requests"] == requests
        assert answer.headers["x-ratelimit-remaining-tokens"] == tokens


def test_the_owner_answers_all_other_paths_through_any_process(server: RunningServer) -> None:
    for name in ("api 1", "api 2"):
        with connection_to(server, name) as connection:
            for method, path, status in (
                ("GET", "/health", 200),
                ("HEAD", "/health", 200),
                ("GET", "/v1/models", 200),
                ("GET", "/v1/nothing", 404),
                ("DELETE", "/v1/models", 405),
                ("GET", "/v1/chat/completions", 405),
            ):
                asked = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.key}\r\n\r\n"
                connection.sendall(asked.encode())
                head = receive_until(connection, b"\r\n\r\n").decode()
                assert head.startswith(f"HTTP/1.1 {status} "), (name, method, path, head)
                assert head.count("x-request-id") == 1, head
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0)
                missing = length - len(head.partition("\r\n\r\n")[2].encode()) if method != "HEAD" else 0
                while missing > 0:
                    missing -= len(connection.recv(missing))


def test_a_file_comes_through_whole_and_goes_back(server: RunningServer) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "x" * 900}]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    lines = [json.dumps({**line, "custom_id": str(number)}) + "\n" for number in range(4000)]
    text = "".join(lines).encode()  # more than any buffer on the way
    made = server.client().files.create(file=("lines.jsonl", text), purpose="batch")
    assert made.bytes == len(text)
    assert server.client().files.content(made.id).read() == text
    refused = server.request("POST", "/v1/files", b"x", {"authorization": "Bearer wrong"})
    assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")


def test_nobody_but_an_api_process_is_let_in_behind(server: RunningServer) -> None:
    (seen,) = re.findall(r"Metrics +http://127\.0\.0\.1:(\d+)/", server.log.read_text())
    listening = {each for each in processes(server)["owner"].net_connections("tcp") if each.status == "LISTEN"}
    ports = {each.laddr.port for each in listening} - {int(seen)}
    assert len(ports) == 1
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nx-penstock-inside: guess\r\n\r\n")
            assert b" 403 " in receive_until(connection, b"\r\n\r\n")


def test_one_queue_for_all(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(slots=1)) as server:
        with streaming_at(server, "api 1", LONG), connection_to(server, "api 2") as second:
            second.sendall(asking(server, "Hi"))
            eventually(lambda: metric(server, 'penstock_queue_waiting{class="real_time",model="echo"}') == 1)
            assert metric(server, 'penstock_slots_busy{model="echo"}') == 1
            eventually(lambda: metric(server, "penstock_requests_in_flight") == 2)
            with connection_to(server, "api 2") as third:
                third.sendall(asking(server, "Hi"))
                eventually(lambda: metric(server, 'penstock_queue_waiting{class="real_time",model="echo"}') == 2)
            eventually(lambda: metric(server, 'penstock_queue_waiting{class="real_time",model="echo"}') == 1)
        # Whoever streamed left, and the slot is the next one's; whoever left the queue has none.
        eventually(lambda: Counter(row["outcome"] for row in server.ledger()) == {"aborted": 3})
        assert ask_at(server, "api 1", "Hi").status == 200
        eventually(lambda: metric(server, 'penstock_slots_busy{model="echo"}') == 0)


def test_a_process_killed_in_mid_stream_takes_nothing_along(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(slots=1)) as server:
        key = server.new_key("one", "--limit", "concurrency=1", "--limit", "requests_per_minute=3")
        asked = [ask_at(server, "api 1", "Hi", key=key).headers["x-request-id"]]
        with streaming_at(server, "api 1", LONG, key=key) as stream:
            refused = ask_at(server, "api 2", "Hi", key=key)
            assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
            victim = processes(server)["api 1"]
            victim.kill()
            assert b"[DONE]" not in rest_of(stream)
        # Its slot, and its place under the key's limit, are free at once; that it asked still counts.
        served = ask_at(server, "api 2", "Hi", key=key)
        assert (served.status, served.headers["x-ratelimit-remaining-requests"]) == (200, "0")
        asked.append(served.headers["x-request-id"])
        eventually(lambda: processes(server).get("api 1", victim).pid != victim.pid)
        assert ask_at(server, "api 1", "Hi", key=key).error["code"] == "rate_limit_exceeded"
        for request_id in asked:
            assert server.usage_of(request_id)["outcome"] == "completed"
        assert "api 1 (process" in server.log.read_text()


def test_rows_of_a_killed_process_are_taken_over(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config()) as server:
        with streaming_at(server, "api 2", LONG) as stream:
            before = processes(server)
            before["owner"].kill()  # and its engine with it: the row waits with the process that has it
            assert b"[DONE]" not in rest_of(stream)
            spooled = eventually(lambda: [path for path in (tmp_path / "spool").glob("*.usage") if path.stat().st_size])
            assert spooled
            before["api 2"].kill()
        (row,) = eventually(server.ledger)
        assert row["outcome"] == "failed"
        assert row["completion_tokens"] > 0
        eventually(lambda: ask_at(server, "api 2", "Hi").status == 200)


def test_while_the_owner_is_away_everybody_is_told_when_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config()) as server:
        assert server.chat("Hi").status == 200
        before = processes(server)
        before["owner"].kill()
        eventually(lambda: server.chat("Hi").status == 503)
        for answer in (server.chat("Hi"), server.request("GET", "/v1/models"), server.request("GET", "/ready")):
            if answer.status == 503:  # else it is back already
                assert 1 <= int(answer.headers["retry-after"]) <= 30
                assert answer.headers["x-request-id"]
        eventually(lambda: server.chat("Hi").status == 200, seconds=30)
        after = processes(server)
        assert {name: after[name].pid == before[name].pid for name in before} == {
            "owner": False, "api 1": True, "api 2": True,
        }  # fmt: skip
        assert len(server.engine_pids()) == 1


def test_an_engine_that_hangs_for_a_process_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(stall=1)) as server:
        (hanging,) = server.engine_pids()
        assert server.chat("!hang@3 one two three four").status == 502
        eventually(lambda: server.engine_pids() not in ([], [hanging]))
        eventually(lambda: server.chat("again").status == 200)


def refuses(server: RunningServer) -> bool:
    """Whether new requests are refused by now. A process that has nothing to finish is gone in the middle of one."""
    with suppress(ConnectionError):
        return server.chat("Hi").status == 503
    return False


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_all_processes_finish(tmp_path: Path, with_signal: signal.Signals) -> None:
    with serving(tmp_path, "--model", "echo", config=config(rate=20)) as server:
        all_ = [*processes(server).values(), *map(psutil.Process, server.engine_pids())]
        words = "word " * 80
        with streaming_at(server, "api 1", words) as first, streaming_at(server, "api 2", words) as second:
            server.process.send_signal(with_signal)
            eventually(lambda: refuses(server))
            assert b"[DONE]" in rest_of(first)
            assert b"[DONE]" in rest_of(second)
        assert server.process.wait(timeout=30) == 0
        assert not [process for process in all_ if process.is_running()]
        assert sorted(row["completion_tokens"] for row in completed(server))[-2:] == [81, 81]
        assert "Traceback" not in server.log.read_text()


def test_a_second_signal_waits_no_longer(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--model", "echo", config=config(rate=5)) as server,
        streaming_at(server, "api 1", LONG) as stream,
    ):
        server.process.send_signal(signal.SIGINT)
        eventually(lambda: refuses(server))
        server.process.send_signal(signal.SIGINT)
        assert b"shutting down" in rest_of(stream)
        assert server.process.wait(timeout=15) == 0
        (row,) = [row for row in server.ledger() if row["outcome"] != "completed"]
        assert row["error_code"] == "model_unavailable"


def test_nothing_outlives_the_supervisor(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config()) as server:
        all_ = [*processes(server).values(), *map(psutil.Process, server.engine_pids())]
        assert len(all_) == 4
        server.process.kill()
        server.process.wait()
        eventually(lambda: all(map(ended, all_)))


def test_the_real_model_answers_through_all_processes(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    with serving(tmp_path, config=f'workers = 2\n[[models]]\nid = "{SMOL}"\nslots = 2\n') as server:
        asked: dict[str, Any] = {"model": SMOL, "max_tokens": 24, "temperature": 0}
        answers = [ask_at(server, name, "Name a colour.", **asked) for name in ("api 1", "api 2")]
        assert [answer.status for answer in answers] == [200, 200]
        first, second = (answer.json["choices"][0]["message"]["content"] for answer in answers)
        assert first
        assert first == second
        for answer in answers:
            row = server.usage_of(answer.headers["x-request-id"])
            assert row["completion_tokens"] == answer.json["usage"]["completion_tokens"] > 0
        with connection_to(server, "api 2") as connection:
            connection.sendall(asking(server, "Tell me a long story.", stream=True, **{**asked, "max_tokens": 400}))
            receive_until(connection, b'"content":"')
            processes(server)["api 2"].kill()
            assert b"[DONE]" not in rest_of(connection)
        eventually(lambda: ask_at(server, "api 1", "Name a colour.", **asked).status == 200)


def test_what_runs_in_any_process_is_seen_and_broken_off_in_the_console(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config()) as server:
        ann = settle(server, "ann")
        with streaming_at(server, "api 2", LONG, key=ann.key) as stream, connection_to(server, "api 1") as browser:
            browser.sendall(f"GET /api/live HTTP/1.1\r\nhost: x\r\ncookie: {ann.cookie}\r\n\r\n".encode())
            received = receive_until(browser, b'"stage":"decoding"').decode()
            (request_id,) = set(re.findall(r'"id":"(req_[0-9a-f]+)"', received))
            cancelled = ask_json(server, "POST", f"/api/requests/{request_id}/cancel", cookie=ann.cookie)
            assert cancelled.status == 200, cancelled.body
            assert b"request_cancelled" in rest_of(stream)
            receive_until(browser, b'"requests":[]')
        assert server.usage_of(request_id)["error_code"] == "request_cancelled"
        eventually(lambda: metric(server, 'penstock_slots_busy{model="echo"}') == 0)


def test_a_batch_makes_way_and_goes_on_whichever_process_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(slots=2, rate=40)) as server:
        lines = [json.dumps(request(f"line {number}", "word " * 20)) + "\n" for number in range(12)]
        client = server.client(retries=5)
        file = client.files.create(file=("lines.jsonl", "".join(lines).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        eventually(lambda: metric(server, 'penstock_lines_running{model="echo"}') > 0)
        assert ask_at(server, "api 1", "one two three").status == 200
        for name in ("api 2", "owner"):
            processes(server)[name].kill()
        eventually(lambda: client.batches.retrieve(batch.id).status == "completed", seconds=60)
        counts = client.batches.retrieve(batch.id).request_counts
        assert counts is not None
        assert (counts.completed, counts.failed) == (12, 0)
        rows = [row for row in server.ledger() if row["batch"]]
        assert len(rows) == 12


def test_what_cannot_run_says_why_and_ends(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        taken = penstock("serve", "--workers", "2", "--port", str(port), "--model", "echo", data_dir=tmp_path)
        assert taken.returncode == 1
        assert "Is another server running?" in taken.stderr
        environ = {"PENSTOCK_METRICS_PORT": str(port)}
        ended = penstock(
            "serve", "--workers", "2", "--port", "0", "--model", "echo", data_dir=tmp_path, environ=environ
        )
        assert ended.returncode == 1
        assert "metrics_port" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_two_servers_do_not_share_a_port(server: RunningServer, tmp_path: Path) -> None:
    second = penstock("serve", "--workers", "2", "--port", str(server.port), "--model", "echo", data_dir=tmp_path)
    assert (second.returncode, "Is another server running?" in second.stderr) == (1, True)


def test_of_connection_finds_both(server: RunningServer) -> None:
    with connection_to(server, "api 1") as one, connection_to(server, "api 2") as two:
        assert [of_connection(server, each) for each in (one, two)] == ["api 1", "api 2"]
