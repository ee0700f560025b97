"""`penstock run` as a user runs it: a process with arguments, pipes and an exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_server import Reply, Script, refusal, scripted
from terminal import terminal

MODEL = "org/first"


def command_line(server: Script, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "penstock", "run", "--url", server.url, *arguments]


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return {**kept, "PENSTOCK_DATA_DIR": str(tmp_path / "data"), "PENSTOCK_API_KEY": "the-key"}


def run(
    server: Script, tmp_path: Path, *arguments: str, stdin: str = "", environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(server, *arguments),
        input=stdin,
        env={**environment(tmp_path), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def started(server: Script, tmp_path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command_line(server, MODEL, "Hi"), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def interrupted(process: subprocess.Popen[bytes]) -> int:
    """Interrupt a process, once more where the first time fell between two looks of Python's; its exit status."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("an interrupt has no effect")


def test_the_answer_alone_is_on_stdout(tmp_path: Path) -> None:
    with scripted(Reply(("Hel", "lo"))) as server:
        ran = run(server, tmp_path, MODEL, "Hi", "--system", "Be kind.", "--max-tokens", "9", "--temperature", "0")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Hello\n", "")
    (asked,) = server.asked
    assert asked["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == (MODEL, 9, 0)


def test_an_answer_that_ends_its_line_gets_no_second_line_feed(tmp_path: Path) -> None:
    with scripted(Reply(("Hello\n",))) as server:
        assert run(server, tmp_path, MODEL, "Hi").stdout == "Hello\n"


def test_what_the_encoding_lacks_does_not_end_the_answer(tmp_path: Path) -> None:
    with scripted(Reply(("Gr\u00fc\u00dfe \u4f60 \ud800",))) as server:
        ran = run(server, tmp_path, MODEL, "Hi", environ={"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stdout) == (0, "Gr??e ? ?\n")


@pytest.mark.parametrize("arguments", [(MODEL,), (MODEL, "-")])
def test_the_prompt_comes_from_a_pipe(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with scripted(Reply(("ok",))) as server:
        assert run(server, tmp_path, *arguments, stdin="Two\nlines\n").returncode == 0
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Two\nlines\n"}]
    assert "max_tokens" not in server.asked[0]


def test_no_prompt_is_an_error_that_shows_one(tmp_path: Path) -> None:
    with scripted() as server:
        ran = run(server, tmp_path, MODEL, stdin=" \n")
    assert ran.returncode == 1
    assert 'penstock run MODEL "Hello"' in ran.stderr
    assert server.asked == []


def test_json_prints_the_whole_answer(tmp_path: Path) -> None:
    answer = {"id": "chatcmpl-1", "choices": [{"message": {"content": "Grüße"}}], "usage": {"total_tokens": 3}}
    with scripted(Reply(body=answer)) as server:
        ran = run(server, tmp_path, MODEL, "Hi", "--json", environ={"PYTHONUTF8": "1"})
    assert json.loads(ran.stdout) == answer
    assert "Grüße" in ran.stdout
    assert "stream" not in server.asked[0]


def test_an_error_of_the_server_is_told_with_the_next_step(tmp_path: Path) -> None:
    with scripted(refusal(503, "server_is_overloaded", "The queue is full.")) as server:
        ran = run(server, tmp_path, MODEL, "Hi")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: The queue is full. Try again in a moment.\n"


def test_an_answer_that_breaks_off_fails_after_what_came(tmp_path: Path) -> None:
    with scripted(Reply(("half",), ends=False)) as server:
        ran = run(server, tmp_path, MODEL, "Hi")
    assert (ran.returncode, ran.stdout) == (1, "half\n")
    assert "broke off" in ran.stderr


def test_a_loading_model_is_waited_for_in_silence(tmp_path: Path) -> None:
    loading = refusal(503, "model_loading", "The model is loading.", retry_after="0.05")
    with scripted(loading, Reply(("ok",))) as server:
        ran = run(server, tmp_path, MODEL, "Hi")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ok\n", "")


def test_no_server_says_how_to_start_one(tmp_path: Path) -> None:
    with scripted() as server:
        url = server.url
    ran = run(server, tmp_path, MODEL, "Hi")
    assert ran.returncode == 1
    assert ran.stderr == f"Error: No server answers at {url}. Start one with: penstock serve\n"


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    with scripted() as server:
        assert run(server, tmp_path, MODEL, "Hi", "--temperature", "3").returncode == 2


def test_thoughts_stay_out_of_a_pipe(tmp_path: Path) -> None:
    with scripted(Reply(({"choices": [{"delta": {"reasoning_content": "Hm. "}}]}, "Yes"))) as server:
        assert run(server, tmp_path, MODEL, "Hi").stdout == "Yes\n"


def test_a_pipe_gets_every_character_and_a_terminal_only_harmless_ones(tmp_path: Path) -> None:
    with scripted(Reply(("a\x1b[2Jb",))) as server:
        assert run(server, tmp_path, MODEL, "Hi").stdout == "a\x1b[2Jb\n"
        with terminal(command_line(server, MODEL, "Hi"), environment(tmp_path)) as user:
            user.wait_for("a[2Jb\n")
            assert "1 out / 31 in · stop" in user.wait_for("stop")
            assert user.ended() == 0


def test_whoever_reads_our_output_may_stop(tmp_path: Path) -> None:
    with scripted(Reply(("first\n", *["more\n"] * 20000))) as server, started(server, tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"first\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


def test_ctrl_c_ends_with_130_and_frees_the_server(tmp_path: Path) -> None:
    with scripted(Reply(("One",), holds=True)) as server:
        with started(server, tmp_path) as process:
            assert process.stdout is not None
            assert process.stdout.read(3) == b"One"
            assert interrupted(process) == 130
            assert process.stdout.read() == b"\n"
        assert server.left.wait(5)
