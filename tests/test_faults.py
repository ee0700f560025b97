"""What dies, and what must hold then: engines, servers, signals. Each test has a server of its own."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from running_server import SMOL, Answer, RunningServer, ended, eventually, penstock, receive_until, serving

CONFIG = """
stall_seconds = {stall}
drain_seconds = {drain}
ping_seconds = {ping}

[[models]]
id = "echo"
engine = "echo"
context_length = 2000
slots = {slots}
[models.echo]
directives = true
tokens_per_second = {rate}
faults = {faults}
"""


def config(**changes: Any) -> str:
    """Settings with one echo model."""
    values = {"stall": 5, "drain": 5, "ping": 10, "slots": 4, "rate": 20, "faults": [], **changes}
    return CONFIG.format(**values)


def stream(server: RunningServer, content: str, model: str = "echo", **fields: Any) -> Any:
    return server.client().chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}], stream=True, **fields
    )


def test_an_engine_killed_in_mid_stream_is_an_error_and_a_new_engine(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    with serving(tmp_path, config=f'[[models]]\nid = "{SMOL}"\nslots = 2\n') as server:
        chunks = iter(stream(server, "Tell me a long story.", SMOL, temperature=0))
        for _ in range(3):
            next(chunks)
        (engine,) = server.engine_pids()
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(openai.APIError):
            list(chunks)
        eventually(lambda: server.chat("Hi", model=SMOL, max_tokens=2).status == 200, seconds=30)
        assert server.engine_pids() != [engine]


def test_no_engine_survives_its_server(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config()) as server:
        engines = [psutil.Process(pid) for pid in server.engine_pids()]
        assert engines
        server.process.kill()
        server.process.wait()
        eventually(lambda: all(map(ended, engines)))


def test_a_hanging_engine_is_ended_and_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(stall=1)) as server:
        (hanging,) = server.engine_pids()
        with pytest.raises(openai.APIError):
            list(stream(server, "!hang@3 one two three four"))
        eventually(lambda: server.engine_pids() not in ([], [hanging]))
        eventually(lambda: server.chat("again").status == 200)


def test_an_engine_that_lies_about_its_health_is_never_ready(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(stall=1, faults=["lie"]), ready=False) as server:
        eventually(lambda: "gave no token" in server.log.read_text())
        assert server.request("GET", "/ready", headers={}).status == 503
        answer = server.chat("Hi")
        assert (answer.status, answer.error["code"]) == (503, "model_loading")
        assert 1 <= int(answer.headers["retry-after"]) <= 120
        assert answer.headers["x-should-retry"] == "true"


def test_an_engine_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(faults=["crash@1"]), ready=False) as server:
        eventually(lambda: server.chat("Hi").error["code"] == "model_unavailable", seconds=60)
        answer = server.chat("Hi")
        assert (answer.status, answer.headers["retry-after"]) == (503, "120")
        assert answer.headers["x-should-retry"] == "false", "only somebody who looks into the log can help"
        assert str(tmp_path) not in answer.error["message"]


def test_a_broken_model_file_fails_that_model_alone(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\x00" * 5000)
    more = f'\n[[models]]\nid = "bad"\nengine = "llama_cpp"\nsource = "file:{bad}"\ncontext_length = 64\n'
    with serving(tmp_path, "--model", "echo", "--model", "bad", config=config() + more) as server:
        eventually(lambda: server.chat("Hi", model="bad").error["code"] == "model_unavailable", seconds=60)
        assert server.chat("Hi").status == 200
        assert "bad: failed" in server.log.read_text()


def test_a_quiet_stream_is_pinged_and_its_status_held_back_no_longer(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(stall=30, ping=0.2, rate=1)) as server:
        answer = server.chat("one two", stream=True)
        assert answer.status == 200
        assert answer.body.startswith(b": ping\n\n")
        assert answer.body.endswith(b"data: [DONE]\n\n")
        assert answer.body.count(b": ping") >= 3
        assert not answer.cut
        failed = server.chat("!close@1 one", stream=True)
        row = server.usage_of(failed.headers["x-request-id"])
        assert (row["status"], row["outcome"], row["completion_tokens"]) == (200, "failed", 0)
        assert (failed.status, failed.cut) == (200, True)
        assert b'"code":"engine_error"' in failed.body


def test_a_request_that_waits_for_its_turn_is_pinged(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(ping=0.2, slots=1)) as server:
        first = stream(server, "word " * 30)
        answer = server.chat("second", stream=True)
        assert answer.body.startswith(b": ping\n\n")
        assert b"second" in answer.body
        assert server.usage_of(answer.headers["x-request-id"])["queue_ms"] > 200
        first.close()


def test_sigterm_lets_streams_finish_refuses_new_work_and_ends_with_0(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(drain=30)) as server:
        chunks = iter(stream(server, "word " * 40))
        next(chunks)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.request("GET", "/ready", headers={}).status == 503)
        refused = server.chat("new")
        assert (refused.status, refused.error["code"]) == (503, "model_unavailable")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert text.split() == ["word"] * 40
        assert server.process.wait(timeout=30) == 0
        assert [row["completion_tokens"] for row in server.ledger()][-1] >= 40


@pytest.mark.parametrize("second_signal", [False, True])
def test_what_is_not_done_in_time_gets_an_error_event(tmp_path: Path, second_signal: bool) -> None:
    drain = 60 if second_signal else 1
    with serving(tmp_path, "--model", "echo", config=config(drain=drain, rate=10)) as server:
        failures: list[str] = []

        def follow() -> None:
            chunks = stream(server, "word " * 500)
            started.set()
            try:
                list(chunks)
            except openai.APIError as error:
                failures.append(error.message)

        started = threading.Event()
        thread = threading.Thread(target=follow)
        thread.start()
        assert started.wait(30)
        server.process.send_signal(signal.SIGINT)
        if second_signal:
            eventually(lambda: "Shutting down" in server.log.read_text())
            server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
        thread.join()
        assert failures == ["The server is shutting down. Try again in a moment."]
        (row,) = [row for row in server.ledger() if row["prompt_tokens"] == 500]
        assert (row["outcome"], row["status"]) == ("failed", 200)
        assert row["completion_tokens"] > 0


def test_a_body_that_is_still_on_its_way_is_refused_like_the_rest(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(drain=0.5)) as server:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        with connection:
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"authorization: Bearer %b\r\ncontent-length: 100\r\n\r\n{" % server.key.encode()
            )
            eventually(lambda: server.chat("hi").status == 200)
            server.process.send_signal(signal.SIGTERM)
            received = receive_until(connection, b"model_unavailable")
        assert b" 503 " in received.split(b"\r\n")[0]
        assert server.process.wait(timeout=30) == 0


def test_what_was_answered_503_at_the_end_is_not_billed(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(drain=0.5, slots=1)) as server:
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(server.chat("word " * 500))) for _ in range(2)]
        for thread in threads:
            thread.start()
        eventually(lambda: server.request("GET", "/ready", headers={}).status == 200)
        time.sleep(1)  # not a condition: one runs and one waits by now, and either must do
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        for thread in threads:
            thread.join()
        assert [answer.status for answer in answers] == [503, 503]
        rows = [(row["status"], row["outcome"], row["completion_tokens"]) for row in server.ledger()]
        assert rows == [(503, "failed", 0)] * 2


def test_a_terminal_that_is_gone_does_not_take_the_server_along(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(), lost_terminal=True) as server:
        os.kill(server.engine_pids()[0], signal.SIGKILL)  # about which the banner has something to say
        eventually(lambda: server.chat("again").status == 200)
        assert server.stop() == 0


def test_a_port_that_is_taken_is_said_in_one_line(echo_server: RunningServer, tmp_path: Path) -> None:
    done = penstock("serve", "--port", str(echo_server.port), data_dir=tmp_path)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_run_here_is_refused_with_the_reason(tmp_path: Path) -> None:
    done = penstock("serve", "--port", "0", "--model", "deepseek-ai/DeepSeek-R1", data_dir=tmp_path)
    assert done.returncode == 1
    assert "GPU" in done.stderr


def test_no_secret_and_no_prompt_is_in_any_log(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=config(rate=0)) as server:
        assert server.chat("canary-prompt").status == 200
        server.chat("!close@1 canary-prompt")
        server.chat("canary-prompt", temperature=9)
        server.request("POST", "/v1/chat/completions", b'{"canary-prompt"')
        key = server.key
        server.stop()
        logs = b"".join(path.read_bytes() for path in tmp_path.rglob("*.log"))
        assert b"canary-prompt" not in logs
        assert key.encode() not in logs
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("penstock.db*"))
        assert key.encode() not in stored
        assert json.dumps(key).encode() not in stored
