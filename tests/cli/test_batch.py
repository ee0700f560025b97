"""`penstock batch`: create, list, show, results and cancel, against a real server."""

import json
import subprocess
from pathlib import Path

import pytest
from batch_command import batch, command, created, lines, request, surroundings, written
from running_server import RunningServer, serving
from terminal import terminal

from penstock.cli.batch_list import batches_of
from penstock.cli.client import Client

SLOW = {"model": "slow"}


def over(server: RunningServer, batch_id: str) -> None:
    ran = batch(server, "watch", batch_id)
    assert ran.returncode in (0, 1), ran


def test_a_file_becomes_a_batch_and_its_answers_a_file(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", *(request(f"r-{n}", f"Say {n}") for n in range(30)))
    batch_id = created(echo_server, asked, "--window", "6h", "--metadata", "for=tests", "--metadata", "a=b=c")
    over(echo_server, batch_id)

    shown = json.loads(batch(echo_server, "show", batch_id, "--json").stdout)
    assert shown["status"] == "completed"
    assert (shown["endpoint"], shown["completion_window"]) == ("/v1/chat/completions", "6h")
    assert shown["metadata"] == {"for": "tests", "a": "b=c"}

    output, errors = tmp_path / "out.jsonl", tmp_path / "errors.jsonl"
    errors.write_text("of an earlier batch")
    ran = batch(echo_server, "results", batch_id, "-o", str(output), "--errors", str(errors))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    said = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines(output)}
    assert said == {f"r-{n}": f"Say {n}" for n in range(30)}
    assert errors.read_bytes() == b""
    assert batch(echo_server, "results", batch_id).stdout == output.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.jsonl", "in.jsonl", "out.jsonl"]


def test_lines_that_fail_have_a_file_of_their_own(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", request("good"), request("bad", temperature=9), request("no", model="no"))
    batch_id = created(echo_server, asked)
    over(echo_server, batch_id)
    ran = batch(echo_server, "results", batch_id)
    assert [json.loads(line)["custom_id"] for line in ran.stdout.splitlines()] == ["good"]
    assert ran.stderr == "1 of 3 lines answered, 2 failed; --errors FILE fetches those.\n"
    ran = batch(echo_server, "results", batch_id, "-o", str(tmp_path / "out"), "--errors", str(tmp_path / "errors"))
    assert ran.returncode == 0
    failed = {line["custom_id"]: line["response"]["body"]["error"]["code"] for line in lines(tmp_path / "errors")}
    assert failed == {"bad": "invalid_value", "no": "model_not_found"}


@pytest.mark.parametrize("place", ["missing/out.jsonl", "folder"])
def test_results_that_cannot_be_put_there(echo_server: RunningServer, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    batch_id = created(echo_server, written(tmp_path / "in.jsonl", request("a")))
    over(echo_server, batch_id)
    ran = batch(echo_server, "results", batch_id, "-o", str(tmp_path / place))
    assert ran.returncode == (2 if place == "folder" else 1)
    assert "is a directory" in ran.stderr or "cannot be written: No such file or directory" in ran.stderr


def test_a_reader_that_has_enough_is_no_error(echo_server: RunningServer, tmp_path: Path) -> None:
    batch_id = created(echo_server, written(tmp_path / "in.jsonl", *(request(f"r-{n}") for n in range(400))))
    over(echo_server, batch_id)
    argv, env = command(echo_server, "results", batch_id), surroundings(echo_server)
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        assert ran.stdout.readline().startswith(b'{"id":"batch_req_')
        ran.stdout.close()
        assert ran.wait(timeout=30) == 0
        assert ran.stderr.read() == b""


def test_what_is_under_way_has_no_results_and_can_be_cancelled(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", *(request(f"r-{n}", "word " * 30, **SLOW) for n in range(40)))
    batch_id = created(echo_server, asked)
    ran = batch(echo_server, "results", batch_id, "-o", str(tmp_path / "out"))
    assert ran.returncode == 1
    assert f"Wait for it with: penstock batch watch {batch_id}" in ran.stderr
    assert not (tmp_path / "out").exists()

    ran = batch(echo_server, "cancel", batch_id)
    assert ran.returncode == 0
    assert ran.stdout.startswith((f"{batch_id} is cancelling; ", f"{batch_id} is cancelled; "))
    over(echo_server, batch_id)
    assert batch(echo_server, "cancel", batch_id).returncode == 0  # once more changes nothing
    ran = batch(echo_server, "results", batch_id, "-o", str(tmp_path / "out"), "--errors", str(tmp_path / "errors"))
    assert ran.returncode == 0
    found = [line["custom_id"] for name in ("out", "errors") for line in lines(tmp_path / name)]
    assert sorted(found) == sorted(f"r-{n}" for n in range(40))


def test_an_input_that_is_wrong_is_told_line_by_line(echo_server: RunningServer, tmp_path: Path) -> None:
    batch_id = created(echo_server, written(tmp_path / "in.jsonl", request("a"), request("a"), *[{}] * 11))
    over(echo_server, batch_id)
    for ran in (batch(echo_server, "results", batch_id), batch(echo_server, "show", batch_id)):
        said = ran.stdout + ran.stderr
        assert "line 2: duplicate_custom_id (custom_id): " in said
        assert f"and 2 more: penstock batch show {batch_id} --json" in said
    assert batch(echo_server, "results", batch_id).returncode == 1


def test_batches_are_listed_the_newest_first(echo_server: RunningServer, tmp_path: Path) -> None:
    made = [created(echo_server, written(tmp_path / "in.jsonl", request("a"))) for _ in range(3)]
    for batch_id in made:
        over(echo_server, batch_id)
    listed = json.loads(batch(echo_server, "list", "--json", "--limit", "2").stdout)
    assert [each["id"] for each in listed] == [made[2], made[1]]
    everything = json.loads(batch(echo_server, "list", "--json", "--all").stdout)
    assert [each["id"] for each in everything[:3]] == made[::-1]
    first, second = batch(echo_server, "list", "--limit", "1").stdout.splitlines()
    assert first.split() == ["Id", "Status", "Answered", "Failed", "Created"]
    assert second.split()[:6] == [made[2], "completed", "1", "of", "1", "-"]


def test_a_list_longer_than_a_page_is_whole(echo_server: RunningServer, tmp_path: Path) -> None:
    made = [created(echo_server, written(tmp_path / "in.jsonl", request("a"), {})) for _ in range(5)]
    client = Client(echo_server.base_url, echo_server.key)
    for limit in (1, 2, 3, 4, 5):
        assert [each["id"] for each in batches_of(client, limit, page=2)] == made[::-1][:limit]
    everything = list(batches_of(client, None, page=2))
    assert everything == list(batches_of(client, None))
    assert len({each["id"] for each in everything}) == len(everything) >= 5


def test_a_file_that_is_there_is_used_by_its_id(echo_server: RunningServer, tmp_path: Path) -> None:
    client = echo_server.client()
    with written(tmp_path / "in.jsonl", request("a")).open("rb") as body:
        file = client.files.create(file=body, purpose="batch")
    ran = batch(echo_server, "create", file.id)
    assert ran.returncode == 2
    assert "--endpoint is needed with the id of a file" in ran.stderr
    ran = batch(echo_server, "create", file.id, "--endpoint", "/v1/chat/completions")
    assert client.batches.retrieve(ran.stdout.strip()).input_file_id == file.id


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["create", "nothing.jsonl"], 1, "nothing.jsonl cannot be read: No such file or directory"),
        (["create", "odd.jsonl"], 1, "The first line of odd.jsonl is no request of a batch"),
        (["create", "good.jsonl", "--window", "25d"], 2, "'25d' is no window"),
        (["create", "good.jsonl", "--window", "169h"], 2, "from 1h to 168h"),
        (["create", "good.jsonl", "--metadata", "key"], 2, "'key' is no metadata; KEY=VALUE would be"),
        (["create", "good.jsonl", "--endpoint", "/v1/models"], 2, "is not one of"),
        (["show", "batch_1"], 1, "There is no such batch"),
        (["watch", "../models"], 1, "This URL does not exist"),
        (["cancel", "batch_1"], 1, "There is no such batch"),
        (["results", "batch_1"], 1, "There is no such batch"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    echo_server: RunningServer, tmp_path: Path, arguments: list[str], status: int, words: str
) -> None:
    written(tmp_path / "good.jsonl", request("a"))
    (tmp_path / "odd.jsonl").write_bytes(b"\x80\x81\n")
    ran = batch(echo_server, *arguments, folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_key_without_the_scope_is_told_so(echo_server: RunningServer, tmp_path: Path) -> None:
    key = echo_server.new_key("chats alone", "--scope", "inference")
    ran = batch(
        echo_server, "create", str(written(tmp_path / "in.jsonl", request("a"))), environ={"PENSTOCK_API_KEY": key}
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "batch" in ran.stderr


@pytest.mark.parametrize("start", ["\ufeff", "\r\n\n  \n"])
def test_the_endpoint_is_that_of_the_first_line(echo_server: RunningServer, tmp_path: Path, start: str) -> None:
    asked = {**request("a"), "url": "/v1/embeddings", "body": {"model": "org/vectors", "input": "a"}}
    path = tmp_path / "in.jsonl"
    path.write_bytes(f"{start}{json.dumps(asked)}\n".encode())
    batch_id = created(echo_server, path)
    over(echo_server, batch_id)
    assert json.loads(batch(echo_server, "show", batch_id, "--json").stdout)["endpoint"] == "/v1/embeddings"
    (line,) = batch(echo_server, "results", batch_id).stdout.splitlines()
    assert json.loads(line)["response"]["body"]["data"][0]["embedding"]


def test_without_a_key_the_batch_has_one_that_outlives_the_command(tmp_path: Path) -> None:
    """A key that went with the command would take the batch with it: its lines run under the key."""
    config = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
    with serving(tmp_path / "data", "--model", "echo", config=config) as server:
        without = {"PENSTOCK_API_KEY": "", "PENSTOCK_DATA_DIR": str(server.data_dir)}
        ran = batch(server, "create", str(written(tmp_path / "in.jsonl", request("a"))), "--watch", environ=without)
        assert ran.returncode == 0, ran
        batch_id = ran.stdout.splitlines()[0]
        assert "1 of 1 line answered" in ran.stdout
        assert batch(server, "results", batch_id, environ=without).stdout.startswith('{"id":"batch_req_')
        ran = batch(server, "create", str(tmp_path / "in.jsonl"), "--endpoint", "/v1/embeddings", environ=without)
        over(server, ran.stdout.strip())
        listed = subprocess.run(
            [*command(server)[:3], "keys", "list", "--json", "--data-dir", str(server.data_dir)],
            capture_output=True,
            text=True,
            check=True,
        )
    keys = [key for key in json.loads(listed.stdout) if key["name"].startswith("penstock batch")]
    stay = [key for key in keys if key["revoked_at"] is None]
    assert len(stay) == 2
    assert all(24 * 3600 < key["expires_at"] - key["created_at"] <= 25 * 3600 for key in stay)
    assert len(keys) > len(stay)


def test_on_a_terminal_the_upload_and_the_next_step_are_told(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", request("a"))
    with terminal(command(echo_server, "create", str(asked)), surroundings(echo_server), columns=80) as screen:
        screen.wait_for("Uploaded in.jsonl, ")
        batch_id = screen.wait_for("Watch it with: penstock batch watch ").split("\n")[1]
        assert batch_id.startswith("batch_")
        assert screen.ended() == 0
    over(echo_server, batch_id)
    with terminal(command(echo_server, "results", batch_id), surroundings(echo_server)) as screen:
        screen.wait_for('"content":"Hello there"')
        assert screen.ended() == 0


def test_nothing_on_a_terminal_steers_it(echo_server: RunningServer, tmp_path: Path) -> None:
    asked = written(tmp_path / "in.jsonl", request("a\u009b31m", "\u009b31m red", temperature=0))
    batch_id = created(echo_server, asked)
    over(echo_server, batch_id)
    with terminal(command(echo_server, "results", batch_id), surroundings(echo_server)) as screen:
        screen.wait_for("red")
        assert screen.ended() == 0
        assert "\u009b" not in screen.seen
