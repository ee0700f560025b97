"""`penstock batch watch`: a bar on a terminal, lines in a pipe, and a server that goes and comes back."""

import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from batch_command import batch, command, created, request, surroundings, written
from rich.console import Console
from running_server import RunningServer, eventually, free_port, serving
from terminal import terminal

from penstock.cli.batch_bar import bar
from penstock.cli.batch_object import Batch, span
from penstock.cli.batch_watch import Pace

CONFIG = """
[[models]]
id = "slow"
engine = "echo"
context_length = 1000
slots = 4
[models.echo]
tokens_per_second = 20
"""


def slow_file(path: Path, count: int, *, words: int = 10) -> Path:
    """Requests that take the model `slow` half a second each, four at once."""
    return written(path, *(request(f"r-{n}", "word " * words, model="slow") for n in range(count)))


def test_in_a_pipe_changes_of_state_are_lines(echo_server: RunningServer, tmp_path: Path) -> None:
    batch_id = created(echo_server, slow_file(tmp_path / "in.jsonl", 12))
    ran = batch(echo_server, "watch", batch_id)
    assert (ran.returncode, ran.stderr) == (0, "")
    heading, *states, end, tokens, fetch = ran.stdout.splitlines()
    assert heading.startswith(f"{batch_id} · /v1/chat/completions · 24h, until 20")
    seen = [line.split()[1].removesuffix(":") for line in states]
    assert [state for state in ("validating", "in_progress", "finalizing", "completed") if state in seen] == seen
    assert seen[-1] == "completed"
    assert end.startswith("Completed: 12 of 12 lines answered in ")
    assert tokens.startswith("120 tokens in, ")
    assert tokens.endswith(" out.")
    assert fetch == f"Fetch the results with: penstock batch results {batch_id} -o results.jsonl"


def test_lines_that_failed_are_told_with_their_numbers(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", request("one"), *(request(f"bad\u009b {n}", model="no") for n in range(12)))
    ran = batch(echo_server, "watch", created(echo_server, asked))
    assert ran.returncode == 0  # it was completed: single lines fail by themselves
    failures = [line for line in ran.stdout.splitlines() if line.startswith("  line ")]
    assert [line.split()[1] for line in failures] == [str(number) for number in range(2, 12)]
    assert failures[0].startswith("  line 2 (bad 0): 404 model_not_found: The model 'no' does not exist here.")
    assert "-o results.jsonl --errors errors.jsonl" in ran.stdout


def test_an_input_that_is_wrong_fails_with_its_lines(echo_server: RunningServer, tmp_path: Path) -> None:
    ran = batch(echo_server, "watch", created(echo_server, written(tmp_path / "in.jsonl", request("a"), {})))
    assert ran.returncode == 1
    assert "Nothing of it was run: its input is wrong." in ran.stdout
    assert "  line 2: missing_required_parameter (custom_id): custom_id is required." in ran.stdout


def test_a_cancelled_batch_is_a_failure_without_a_list_of_what_was_dropped(
    echo_server: RunningServer, tmp_path: Path
) -> None:
    batch_id = created(echo_server, slow_file(tmp_path / "in.jsonl", 60))
    assert batch(echo_server, "cancel", batch_id).returncode == 0
    ran = batch(echo_server, "watch", batch_id)
    assert ran.returncode == 1
    assert "Cancelled: " in ran.stdout
    assert "  line " not in ran.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_a_bar_shows_how_it_goes(echo_server: RunningServer, tmp_path: Path, columns: int) -> None:
    asked = slow_file(tmp_path / "in.jsonl", 24)
    argv = command(echo_server, "create", str(asked), "--watch")
    with terminal(argv, surroundings(echo_server), columns=columns) as screen:
        screen.wait_for("in_progress  ━")
        screen.wait_for(" of 24 · 0 failed · ")
        screen.wait_for(" lines/s · ")
        screen.wait_for(" left")
        screen.wait_for("tokens in, ")
        screen.wait_for("Completed: 24 of 24 lines answered in ", seconds=60)
        screen.wait_for("Fetch the results with: penstock batch results batch_")
        assert screen.ended() == 0


def test_ctrl_c_leaves_the_batch_running_and_says_how_to_go_on(echo_server: RunningServer, tmp_path: Path) -> None:
    batch_id = created(echo_server, slow_file(tmp_path / "in.jsonl", 60))
    with terminal(command(echo_server, "watch", batch_id), surroundings(echo_server)) as screen:
        screen.wait_for("in_progress  ━")
        again = f"The batch goes on. Watch it again with: penstock batch watch {batch_id}"
        screen.press_ctrl_c(lambda: screen.has_shown(again))
        screen.wait_for(f"To end it: penstock batch cancel {batch_id}")
        assert screen.ended() == 130
    assert echo_server.client().batches.retrieve(batch_id).status == "in_progress"
    assert batch(echo_server, "cancel", batch_id).returncode == 0


def test_it_outlasts_a_server_that_is_killed_and_starts_again(tmp_path: Path) -> None:
    data, port = tmp_path / "data", str(free_port())
    output = tmp_path / "watch.log"
    arguments, config = ("--model", "slow", "--port", port), f"batch_lease_seconds = 2\n{CONFIG}"
    with serving(data, *arguments, config=config) as server, output.open("wb") as log:
        batch_id = created(server, slow_file(tmp_path / "in.jsonl", 40))
        watching = subprocess.Popen(command(server, "watch", batch_id), env=surroundings(server), stdout=log)
        try:
            eventually(lambda: "in_progress" in output.read_text())
            server.stop(signal.SIGKILL)
            eventually(lambda: "The server does not answer. Trying again" in output.read_text())
            with serving(data, *arguments, config=config):
                eventually(lambda: "the server answers again" in output.read_text())
                assert watching.wait(timeout=90) == 0
        finally:
            watching.kill()
            watching.wait()
    assert "Completed: 40 of 40 lines answered" in output.read_text()


def test_a_server_that_was_never_there_is_not_waited_for(echo_server: RunningServer) -> None:
    nobody = replace(echo_server, port=free_port())
    ran = batch(nobody, "watch", "batch_1")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "No server answers at http://127.0.0.1:" in ran.stderr


def shown(columns: int, of: Batch, lines_per_second: float | None) -> list[str]:
    console = Console(width=columns, force_terminal=False, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(bar(of, lines_per_second))
    return capture.get().splitlines()


def at(
    done: int, failed: int, total: int, *, status: str = "in_progress", left: float = 3600, tokens: int = 0
) -> Batch:
    return {
        "status": status,
        "expires_at": time.time() + left,
        "request_counts": {"total": total, "completed": done - failed, "failed": failed},
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cached_tokens": tokens // 2},
            "output_tokens": tokens,
            "total_tokens": 2 * tokens,
        },
    }


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("of", [at(0, 0, 0, status="validating"), at(41_234, 12_345, 50_000, tokens=123_456_789)])
def test_the_bar_fits_the_screen(columns: int, of: Batch) -> None:
    lines = shown(columns, of, 3.37)
    assert all(len(line) <= columns for line in lines)
    assert len(lines) == (3 if of["request_counts"]["total"] else 1)


def test_the_bar_has_the_figures() -> None:
    first, second, third = shown(80, at(1234, 3, 5000, tokens=1000), 512.3)
    assert first.startswith("in_progress  ━━")
    assert first.endswith(" 24 %")
    assert second == "1,234 of 5,000 · 3 failed · 512 lines/s · 7 s left"
    assert third == "1,000 tokens in, 500 of them cached, 1,000 out"
    assert shown(80, at(1, 0, 2), None)[1] == "1 of 2 · 0 failed"
    assert shown(80, at(1, 0, 2), 0.0)[1] == "1 of 2 · 0 failed · 0.0 lines/s"
    assert shown(80, at(2, 0, 2), 2.0)[1] == "2 of 2 · 0 failed · 2.0 lines/s"


def test_a_batch_that_is_too_slow_for_its_window_is_told() -> None:
    assert shown(80, at(1, 0, 1001, left=1800.4), 0.1)[1].endswith("2 h 46 min left, 30 min 0 s of the window")


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    assert Pace().lines_per_second is None
    pace = Pace()
    pace.see(0, 100.0)
    pace.see(10, 101.0)
    assert pace.lines_per_second == 10
    for second in range(2, 60):
        pace.see(10 + 4 * (second - 1), 100.0 + second)
    assert pace.lines_per_second == pytest.approx(4)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")]
)
def test_a_span_is_told_in_two_units_at_most(seconds: float, words: str) -> None:
    assert span(seconds) == words
