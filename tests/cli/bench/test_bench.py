"""`penstock bench` against servers: figures that are known beforehand, and everything that can go wrong."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_command import bench, bench_here, command_line, document, environment
from running_server import SMOL, RunningServer, eventually, free_port, penstock, serving
from scripted_server import Reply, Script, refusal, scripted
from terminal import terminal

from penstock.cli.bench.lag import Lag

CONFIG = """
serve = ["paced"]

[[models]]
id = "paced"
engine = "echo"
context_length = 600
slots = 4
[models.echo]
tokens_per_second = 25
"""
QUICK = ("--warmup", "0", "--prompt-tokens", "30", "--max-tokens", "4")
FINISHED: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose model says a word every 40 ms."""
    with serving(tmp_path_factory.mktemp("paced"), config=CONFIG) as server:
        yield server


def ledger_after(server: RunningServer, rows: int) -> list[dict[str, Any]]:
    """The rows of a server's ledger, once there are as many."""
    return eventually(lambda: server.ledger() if len(server.ledger()) >= rows else None)


def test_a_known_pace_is_measured_as_such(paced: RunningServer, tmp_path: Path) -> None:
    """A word every 40 ms, and not sooner; how much later it came on this machine the server's own ledger knows."""
    before = len(paced.ledger())
    told = document(
        bench(paced.base_url, tmp_path, "--concurrency", "1,3", "--requests", "6", "--max-tokens", "12",
              "--prompt-tokens", "60", "--warmup", "1", "--json", key=paced.key)
    )  # fmt: skip
    rows = ledger_after(paced, before + 4 + 12)[before + 4 :]
    assert [step["load"] for step in told["steps"]] == [
        {"kind": "clients", "value": 1},
        {"kind": "clients", "value": 3},
    ]
    kept = sorted(row["decode_ms"] / (row["completion_tokens"] - 1) for row in rows)
    for step in told["steps"]:
        assert (step["answers"], step["failed"], step["tokens_per_answer"]) == (6, 0, 12)
        assert step["itl_ms"]["count"] == 6
        assert 39 < step["itl_ms"]["p50"] < kept[-1] + 15
        assert step["ttft_ms"]["p50"] > 39
        assert step["gap_ms"]["count"] == 6 * 11
        assert abs(step["prompt_tokens"] - 60) <= 2
    alone, three = told["steps"]
    assert alone["tokens_per_second"] < 25.5
    assert alone["tokens_per_second"] < three["tokens_per_second"] < 76
    assert sum(row["completion_tokens"] for row in rows) == 12 * 12


def test_a_rate_is_kept_whatever_the_server_does(paced: RunningServer, tmp_path: Path) -> None:
    """Eight requests of half a second come in within about half a second: they overlap, and the slots are four."""
    ran = bench(
        paced.base_url, tmp_path, "--rate", "16", "--requests", "8", "--max-tokens", "12", "--warmup", "0", "--seed",
        "3", "--json", key=paced.key,
    )  # fmt: skip
    (step,) = document(ran)["steps"]
    assert step["load"] == {"kind": "rate", "value": 16}
    assert step["answers"] == 8
    assert step["most_in_flight"] > 4
    assert step["ttft_ms"]["max"] > step["ttft_ms"]["p50"]


def test_the_real_models_tokens_are_those_of_the_ledger(real_server: RunningServer, tmp_path: Path) -> None:
    before = len(real_server.ledger())
    ran = bench(
        real_server.base_url, tmp_path, "--model", SMOL, "--concurrency", "1,2", "--requests", "2", *QUICK, "--json",
        key=real_server.key,
    )  # fmt: skip
    told = document(ran)
    rows = ledger_after(real_server, before + 3 + 4)[before + 3 :]
    assert sum(step["answers"] for step in told["steps"]) == len(rows) == 4
    counted = sum(step["answers"] * step["tokens_per_answer"] for step in told["steps"])
    assert counted == sum(row["completion_tokens"] for row in rows)
    read = sum(step["answers"] * step["prompt_tokens"] for step in told["steps"])
    assert read == pytest.approx(sum(row["prompt_tokens"] for row in rows))
    assert told["conditions"]["model"] == SMOL


def test_on_the_servers_machine_no_key_is_needed(paced: RunningServer, tmp_path: Path) -> None:
    ran = bench(
        paced.base_url, tmp_path, "--data-dir", str(paced.data_dir), "--concurrency", "1", "--requests", "1", *QUICK,
        key="",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout.startswith("paced at http://127.0.0.1:")
    keys = json.loads(penstock("keys", "list", "--json", data_dir=paced.data_dir).stdout)
    assert [key["name"] for key in keys if key["name"] == "penstock bench" and not key.get("revoked_at")] == []


def test_failures_are_counted_by_code_and_kept_out_of_the_times(tmp_path: Path) -> None:
    """Every fourth request is refused, and one answer breaks off."""
    refused = refusal(429, "rate_limit_exceeded", "Slow down.", retry_after="0.2")
    good, broken = Reply(("a", "b")), Reply(("a",), ends=False)
    with scripted(good, good, good, *[good, good, good, refused] * 3, broken, good) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "14", *QUICK, "--json")
    (step,) = document(ran)["steps"]
    assert (step["requests"], step["answers"], step["failed"]) == (14, 10, 4)
    assert [(each["code"], each["count"], each["retry_after"]) for each in step["failures"]] == [
        ("429 rate_limit_exceeded", 3, [0.2, 0.2]),
        ("broken_off", 1, None),
    ]
    assert step["ttft_ms"]["count"] == step["e2e_ms"]["count"] == 10
    assert step["window_seconds"] > 0.6


def test_an_error_in_the_stream_is_a_failure(tmp_path: Path) -> None:
    event = {"error": {"message": "It died.", "type": "server_error", "code": "engine_error"}}
    with scripted(*[Reply(("a", "b"))] * 4, Reply(("a", event))) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "3", *QUICK, "--json")
    (step,) = document(ran)["steps"]
    assert step["answers"] == 1
    assert [(each["code"], each["count"], each["message"]) for each in step["failures"]] == [
        ("error_event engine_error", 2, "It died.")
    ]


def test_a_table_tells_refusals(tmp_path: Path) -> None:
    refused = refusal(503, "server_is_overloaded", "The queue is full.", retry_after="3")
    with scripted(*[Reply(("a", "b"))] * 4, refused) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "9", "--seconds", "1", *QUICK)
    assert ran.returncode == 0
    assert "1 x 503 server_is_overloaded, Retry-After 3 s: The queue is full." in ran.stdout


def test_where_no_request_is_answered_it_fails(tmp_path: Path) -> None:
    with scripted(*[Reply(("a", "b"))] * 3, refusal(503, "server_is_overloaded", "Full.")) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "2", *QUICK)
    assert ran.returncode == 1
    assert "2 x 503 server_is_overloaded: Full." in ran.stdout
    assert ran.stderr == "Error: No request was answered.\n"


def test_without_usage_chunks_are_counted_and_it_is_said(tmp_path: Path) -> None:
    silent = Reply(("a", "b", "c", FINISHED, b"data: [DONE]\n\n", b""), ends=False)
    with scripted(silent) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "2", *QUICK, "--json")
    told = document(ran)
    assert told["steps"][0]["tokens_per_answer"] == 3
    assert told["steps"][0]["prompt_tokens"] is None
    assert any("no usage" in line for line in told["warnings"])


def test_a_server_that_does_not_know_stream_options_gets_none(tmp_path: Path) -> None:
    unknown = refusal(400, "unknown_parameter", "Unknown parameter: 'stream_options'.")
    with scripted(unknown, Reply(("a", "b"))) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "1", *QUICK, "--json")
    assert "stream_options" not in document(ran)["conditions"]["request"]
    assert ["stream_options" in asked for asked in server.asked] == [True, False, False, False, False]


def test_thoughts_are_text_and_the_first_chunk_of_a_role_is_not(tmp_path: Path) -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "Hm."}}]}
    with scripted(Reply((thought, "Yes"))) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "1", *QUICK, "--json")
    (step,) = document(ran)["steps"]
    assert (step["gap_ms"]["count"], step["tokens_per_chunk"]) == (1, 1)


def test_prompts_and_the_body_are_as_they_were_asked_for(tmp_path: Path) -> None:
    with scripted(Reply(("a", "b"))) as server:
        ran = bench_here(
            server.url, tmp_path, "--concurrency", "2", "--requests", "4", *QUICK, "--body",
            '{"temperature": null, "ignore_eos": true}', "--json",
        )  # fmt: skip
    assert ran.returncode == 0
    measured = server.asked[3:]
    assert len({asked["messages"][0]["content"][:12] for asked in measured}) == 4
    for asked in measured:
        assert (asked["max_tokens"], asked["ignore_eos"], asked["model"]) == (4, True, "org/first")
        assert asked["stream_options"] == {"include_usage": True}
        assert "temperature" not in asked


def test_a_model_that_loads_is_waited_for(tmp_path: Path) -> None:
    loading = refusal(503, "model_loading", "The model is loading.", retry_after="0.05")
    with scripted(loading, loading, Reply(("a", "b"))) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "1", *QUICK)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            refusal(404, "model_not_found", "No such model."),
            "(404 model_not_found): No such model. Is the model's name",
        ),
        (
            refusal(400, "context_length_exceeded", "Too long."),
            "Too long. Ask for less: --prompt-tokens, --max-tokens.",
        ),
        (Reply(body={"choices": []}), "penstock bench` needs a server that streams"),
        (Reply((b"data: <html>\n\n",)), "no chunk of a chat"),
        (refusal(400, "unknown", "Unknown parameter: 'seed'."), "(400 unknown): Unknown parameter: 'seed'."),
    ],
)
def test_a_server_that_does_not_answer_as_it_must_is_told_before_the_run(
    tmp_path: Path, reply: Reply, said: str
) -> None:
    with scripted(reply) as server:
        ran = bench_here(server.url, tmp_path, "--concurrency", "1", "--requests", "1", *QUICK)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert said in ran.stderr
    assert ran.stderr.startswith("Error: ")


def test_what_is_no_server_of_that_api_is_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ran = bench(url, tmp_path)  # a process of its own, for the exit code that a shell sees
    assert (ran.returncode, ran.stderr) == (1, f"Error: No server answers at {url}. Start one with: penstock serve\n")
    with scripted(models=()) as server:
        assert "Name one with --model" in bench_here(server.url, tmp_path).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--concurrency", "0"),
        ("--concurrency", "1", "--rate", "2"),
        ("--slo-ttft", "500"),
        ("--timeout", "none"),
        ("--body", "[1]"),
        ("--body", '{"messages": []}'),
        ("--report", "no-such-folder/report.html"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_asked(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with scripted(Reply(("a",))) as server:
        ran = bench_here(server.url, tmp_path, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert server.asked == []


def begun(server: Script, requests: int) -> bool:
    return len(server.asked) >= requests


def test_ctrl_c_prints_what_there_is(tmp_path: Path) -> None:
    """Three answers have come when the fourth hangs: the report tells of those three, and of one left out."""
    report = tmp_path / "bench.html"
    with scripted(*[Reply(("a", "b"))] * 6, Reply(("a",), holds=True)) as server:
        arguments = ("--concurrency", "1", "--requests", "9", *QUICK, "--json", "--report", str(report))
        process = subprocess.Popen(
            command_line(server.url, *arguments),
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: begun(server, 7))
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert server.left.wait(5)
    told = json.loads(printed)
    assert told["interrupted"] is True
    (step,) = told["steps"]
    assert (step["interrupted"], step["answers"], step["unfinished"], step["failed"]) == (True, 3, 1, 0)
    assert "The run was interrupted." in report.read_text()


def test_on_a_terminal_it_says_how_it_goes(paced: RunningServer, tmp_path: Path) -> None:
    arguments = ("--concurrency", "2", "--seconds", "60", "--max-tokens", "8", "--prompt-tokens", "30")
    with terminal(command_line(paced.base_url, *arguments), environment(tmp_path, paced.key), columns=140) as user:
        user.wait_for("2 clients · step 1 of 1 · ", seconds=60)
        user.wait_for("2 under way", seconds=60)
        user.press_ctrl_c(lambda: user.has_shown("TTFT p50"))
        user.wait_for("2 clients, interrupted")
        assert user.ended() == 130


async def test_a_client_that_is_held_up_knows() -> None:
    lag = Lag()
    async with lag.watched():
        await asyncio.sleep(0.05)
        time.sleep(0.2)
        await asyncio.sleep(0.05)
    assert max(lag.late) > 0.15
    assert 0 <= lag.cpu_share < 1
