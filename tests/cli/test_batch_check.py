"""`penstock batch check`: what the server would say of a file, told without one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from penstock.cli.batch_check import command
from penstock.protocol.files import MOST_BYTES

CHAT = "/v1/chat/completions"


def line(custom_id: str, content: str = "x" * 40, *, url: str = CHAT, **body: Any) -> str:
    messages = [{"role": "user", "content": content}]
    body = {"model": "echo", "messages": messages, **body}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "input.jsonl"


def check(file: Path, *lines: str, options: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """The exit code, and what is printed."""
    file.write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(command, [*options, str(file)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.stderr == ""
    return done.exit_code, [printed.rstrip() for printed in done.stdout.splitlines()]


def test_a_good_file(file: Path) -> None:
    code, told = check(file, line("a"), line("b"), "", line("c", model="org/other"))
    assert (code, told) == (
        0,
        [
            f"endpoint                  {CHAT}",
            "lines                     3",
            f"bytes                     {file.stat().st_size}",
            "prompts                   about 30 tokens",
            "verdict                   good",
            "",
            "Model      Lines",
            "echo       2",
            "org/other  1",
        ],
    )


def test_what_is_wrong_is_told_where_an_editor_finds_it(file: Path) -> None:
    code, told = check(file, line("a"), line("a"), "", "rubbish", line("b", temperature=9), line("c", url="/v1/models"))
    assert code == 1
    assert told[:4] == [
        f"{file}:2: Line 1 has the same custom_id.",
        f"{file}:4: The line is not valid JSON: invalid character (byte 0).",
        f"{file}:6: url must be the endpoint of the batch, {CHAT}.",
        f"{file}:5: this line would fail: temperature: Expected `float` <= 2.0.",
    ]
    assert "verdict                   the batch would fail, and none of it run" in told


def test_a_line_that_fails_alone(file: Path) -> None:
    code, told = check(file, line("a"), *(line(str(at), model=None) for at in range(150)))
    assert code == 1
    assert told[0].startswith(f"{file}:2: this line would fail: model")
    assert told[100] == "... and 50 more lines that would fail"
    assert "verdict                   it would run, and 150 lines fail" in told


def test_the_endpoint_can_be_said(file: Path) -> None:
    code, told = check(file, line("a"), options=("--endpoint", "/v1/embeddings"))
    assert (code, told[0]) == (1, f"{file}:1: url must be the endpoint of the batch, /v1/embeddings.")


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/completions", {"model": "m", "prompt": ["x" * 20, "y" * 20]}),
        ("/v1/completions", {"model": "m", "prompt": list(range(10))}),
        ("/v1/embeddings", {"model": "m", "input": "x" * 40}),
        (CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 40}]}]}),
    ],
)
def test_json_has_everything(file: Path, url: str, body: dict[str, Any]) -> None:
    given = {"custom_id": "a", "method": "POST", "url": url, "body": body}
    code, told = check(file, json.dumps(given), options=("--json",))
    assert (code, json.loads("\n".join(told))) == (
        0,
        {
            "endpoint": url,
            "lines": 1,
            "bytes": file.stat().st_size,
            "models": {"m": 1},
            "approximate_prompt_tokens": 10,
            "errors": [],
            "failing_lines": 0,
            "line_errors": [],
        },
    )


def test_json_tells_what_is_wrong(file: Path) -> None:
    code, told = check(file, "[]", line("a", tempo=1), options=("--json",))
    found = json.loads("\n".join(told))
    message = "A line is a JSON object with custom_id, method, url and body."
    assert code == 1
    assert found["errors"] == [{"code": "invalid_type", "message": message, "param": None, "line": 1}]
    message = "tempo is not a parameter of this request."
    assert found["line_errors"] == [{"code": "unknown_parameter", "message": message, "param": "tempo", "line": 2}]


def test_a_file_that_is_too_large(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(MOST_BYTES + 1)
    done = CliRunner().invoke(command, [str(file)])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == [
        f"{file}: The file has 200,000,001 bytes, and may have 200,000,000.",
        f"{file}:1: A line may have 16,777,216 bytes at most.",
    ]


def test_nothing_in_it_moves_the_cursor(file: Path) -> None:
    code, told = check(
        file, line("a", model="\x1b[2J").replace('"body"', '"\\u001b[31m": 1, "body"'), line("b", "", url="\x1b[31m")
    )
    assert code == 1
    assert "\x1b" not in "\n".join(told)


def test_standard_input_and_files_that_are_not_there(file: Path) -> None:
    done = CliRunner().invoke(command, ["-"], input="rubbish\n")
    assert done.exit_code == 1
    assert done.stdout.startswith("stdin:1: The line is not valid JSON")
    assert CliRunner().invoke(command, [str(file)]).exit_code == 2
    assert CliRunner().invoke(command, [str(file.parent)]).exit_code == 2


def test_help_of_the_group_loads_nothing_of_weight() -> None:
    """As that of `penstock` does not."""
    program = "import sys; from penstock.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", program, "batch", "--help"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "check" in ran.stdout
    loaded = {name.partition(".")[0] for name in ran.stderr.split()}
    assert loaded & {"rich", "msgspec", "sqlalchemy", "aiohttp", "asyncio", "obstore"} == set()
