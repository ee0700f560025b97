"""`penstock files` as a user runs it, against a real server."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from running_server import RunningServer
from scripted_server import scripted
from sign_in import settle
from terminal import terminal

LINE = b'{"custom_id": "a"}\n'


def command_line(server: RunningServer, *arguments: str) -> list[str]:
    action, *rest = arguments
    url = f"http://127.0.0.1:{server.port}"
    return [sys.executable, "-m", "penstock", "files", action, "--url", url, *rest]


def environment(server: RunningServer) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return {**kept, "PENSTOCK_API_KEY": server.key}


def files(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    ran = command_line(server, *arguments)
    return subprocess.run(ran, env=environment(server), capture_output=True, timeout=60, check=False)


def good(server: RunningServer, *arguments: str) -> bytes:
    ran = files(server, *arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "requests.jsonl"
    made.write_bytes(LINE * 1000)
    return made


def test_a_file_goes_there_and_comes_back(echo_server: RunningServer, path: Path, tmp_path: Path) -> None:
    ran = files(echo_server, "upload", str(path))
    assert (ran.returncode, ran.stderr) == (0, b""), "nothing but the id, for a script to take"
    id_ = ran.stdout.decode().strip()
    shown = json.loads(good(echo_server, "show", id_, "--json"))
    assert (shown["id"], shown["filename"], shown["bytes"]) == (id_, "requests.jsonl", len(LINE) * 1000)
    assert b"19,000" in good(echo_server, "show", id_)
    back = tmp_path / "back.jsonl"
    assert files(echo_server, "download", id_, str(back)).stdout == b""
    assert back.read_bytes() == good(echo_server, "download", id_) == path.read_bytes()
    assert good(echo_server, "rm", id_) == b""
    gone = files(echo_server, "show", id_)
    assert (gone.returncode, gone.stderr) == (1, b"Error: There is no such file.\n")


def test_lists_have_all_of_them(echo_server: RunningServer, path: Path) -> None:
    ids = [good(echo_server, "upload", str(path)).decode().strip() for _ in range(2)]
    listed = json.loads(good(echo_server, "list", "--json", "--purpose", "batch"))
    assert [file["id"] for file in listed][:2] == ids[::-1]
    table = good(echo_server, "list").decode()
    assert table.startswith("Id ")
    assert all(id_ in table for id_ in ids)
    newcomer = replace(echo_server, key=settle(echo_server, "has-no-files").key)
    assert good(newcomer, "list", "--json", "--purpose", "batch_output") == b"[]\n"
    none = files(newcomer, "list")
    assert (none.returncode, none.stdout) == (0, b"")
    assert b"penstock files upload" in none.stderr
    good(echo_server, "rm", *ids)


def test_a_life_is_given_as_elsewhere(echo_server: RunningServer, path: Path) -> None:
    made = json.loads(good(echo_server, "upload", str(path), "--expires", "2h", "--json"))
    assert made["expires_at"] == made["created_at"] + 7200
    assert b"in 120 m" in good(echo_server, "show", made["id"]) or b"in 2 h" in good(echo_server, "show", made["id"])
    for wrong in ("59m", "31d", "soon"):
        assert files(echo_server, "upload", str(path), "--expires", wrong).returncode == 2


def test_what_goes_wrong_is_told(echo_server: RunningServer, path: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for arguments, says in (
        (("upload", str(tmp_path / "nothing")), b"cannot be read"),
        (("upload", str(tmp_path)), b"cannot be read"),
        (("upload", str(empty)), b"empty"),
        (("download", "file-0", str(tmp_path / "x")), b"no such file"),
        (("rm", "../../etc/passwd"), b"does not exist"),
    ):
        ran = files(echo_server, *arguments)
        assert (ran.returncode, ran.stdout) == (1, b"")
        assert says in ran.stderr.lower()
    assert not (tmp_path / "x").exists()
    assert files(echo_server, "rm").returncode == 2


def test_a_reader_may_have_enough(echo_server: RunningServer, tmp_path: Path) -> None:
    large = tmp_path / "large.jsonl"
    large.write_bytes(LINE * 500_000)
    id_ = good(echo_server, "upload", str(large)).decode().strip()
    line = " ".join(command_line(echo_server, "download", id_)) + " | head -1"
    ran = subprocess.run(["sh", "-c", line], env=environment(echo_server), capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, LINE, b"")
    good(echo_server, "rm", id_)


def test_a_terminal_gets_a_bar(echo_server: RunningServer, path: Path) -> None:
    with terminal(command_line(echo_server, "upload", str(path)), environment(echo_server)) as user:
        user.wait_for("file-")
        assert user.ended() == 0
    assert "requests.jsonl" in user.seen
    assert "19.0" in user.seen, "of so many kilobytes"


def test_a_server_that_is_not_there_is_told(path: Path) -> None:
    with scripted() as server:
        url = server.url
    ran = subprocess.run(
        [sys.executable, "-m", "penstock", "files", "upload", "--url", url, str(path)],
        env={**os.environ, "PENSTOCK_API_KEY": "k"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert b"penstock serve" in ran.stderr
