"""Every way that a batch can end, on a real server: in the right state, with the right files, and every line in one."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
from killed_batches import write_lines
from openai.types import Batch
from running_server import RunningServer, eventually, penstock, serving
from tenanted import key_on

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 400
slots = 4
price = { input = 1.0, cached_input = 1.0, output = 1.0 }
[models.echo]
directives = true
tokens_per_second = 20

[[models]]
id = "other"
engine = "echo"
context_length = 400

[plans.poor]
monthly_budget = 0.00015
"""
OVER = ("completed", "failed", "expired", "cancelled")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("batches")
    with serving(folder, "--model", "echo", "--model", "other", config=CONFIG) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def begin(client: openai.OpenAI, path: Path, count: int, **line: Any) -> Batch:
    """A batch of so many lines."""
    write_lines(path / "input.jsonl", count, **line)
    with (path / "input.jsonl").open("rb") as body:
        uploaded = client.files.create(file=body, purpose="batch")
    return client.batches.create(input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h")


def half_done(client: openai.OpenAI, batch: Batch) -> None:
    def some_but_not_all() -> bool:
        counts = client.batches.retrieve(batch.id).request_counts
        assert counts is not None
        return 0 < counts.completed < counts.total

    eventually(some_but_not_all)


def ended(client: openai.OpenAI, batch: Batch) -> tuple[Batch, list[dict[str, Any]], list[dict[str, Any]]]:
    """The batch at its end, and the lines of its two files."""
    eventually(lambda: client.batches.retrieve(batch.id).status in OVER, seconds=90)
    batch = client.batches.retrieve(batch.id)
    output, errors = (lines(client, file) for file in (batch.output_file_id, batch.error_file_id))
    counts = batch.request_counts
    assert counts is not None
    assert (counts.completed, counts.failed) == (len(output), len(errors))
    names = Counter(line["custom_id"] for line in (*output, *errors))
    assert max(names.values(), default=1) == 1
    assert len(names) == counts.total
    assert all(line["response"]["status_code"] == 200 and line["error"] is None for line in output)
    return batch, output, errors


def lines(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    if file_id is None:
        return []
    return [json.loads(line) for line in client.files.content(file_id).content.splitlines()]


def codes(errors: list[dict[str, Any]]) -> set[str]:
    """Why lines are in the error file."""
    return {(line["error"] or line["response"]["body"]["error"])["code"] for line in errors}


def test_completed(server: RunningServer, tmp_path: Path) -> None:
    client = server.client()
    batch, output, errors = ended(client, begin(client, tmp_path, 9))
    assert (batch.status, len(output), errors, batch.error_file_id) == ("completed", 9, [], None)
    times = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at]
    assert times == sorted(times, key=lambda moment: moment or 0)
    assert (batch.failed_at, batch.expired_at, batch.cancelling_at, batch.cancelled_at) == (None,) * 4
    assert batch.usage is not None
    assert batch.usage.output_tokens == sum(line["response"]["body"]["usage"]["completion_tokens"] for line in output)
    ledger = {row["request_id"]: row for row in server.ledger() if row["batch"]}
    assert all(ledger[line["response"]["request_id"]]["outcome"] == "completed" for line in output)


@pytest.mark.parametrize("lines_of", [1, 40])
def test_cancelled_at_once(server: RunningServer, tmp_path: Path, lines_of: int) -> None:
    client = server.client()
    batch = client.batches.cancel(begin(client, tmp_path, lines_of).id)
    assert batch.status == "cancelling"
    batch, _, errors = ended(client, batch)
    assert (batch.status, batch.completed_at) == ("cancelled", None)
    assert codes(errors) <= {"batch_cancelled"}


def test_cancelled_when_half_is_done(server: RunningServer, tmp_path: Path) -> None:
    client = server.client()
    batch = begin(client, tmp_path, 60)
    half_done(client, batch)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch, output, errors = ended(client, batch)
    assert batch.status == "cancelled"
    assert output
    assert codes(errors) == {"batch_cancelled"}
    assert all(line["response"] is None for line in errors)
    assert client.batches.cancel(batch.id).status == "cancelled"
    # What ran at that moment is not billed, and a slot is free again.
    assert len([row for row in server.ledger() if batch.id.removeprefix("batch_") in row["request_id"]]) == len(output)
    assert server.chat("now").status == 200


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_is_over_cannot_be_cancelled(server: RunningServer, tmp_path: Path, status: str) -> None:
    client = server.client()
    line = {} if status == "completed" else {"stream": True}
    batch, *_ = ended(client, begin(client, tmp_path, 1, **line))
    assert batch.status == status
    with pytest.raises(openai.BadRequestError):
        client.batches.cancel(batch.id)
    assert client.batches.retrieve(batch.id) == batch


def test_expired_with_half_done(server: RunningServer, tmp_path: Path) -> None:
    client = server.client()
    batch = begin(client, tmp_path, 60)
    half_done(client, batch)
    with closing(sqlite3.connect(server.data_dir / "penstock.db", timeout=10)) as database, database:
        database.execute("UPDATE batches SET expires_at = ? WHERE id = ?", (time.time() - 1, batch.id))
    batch, output, errors = ended(client, batch)
    assert (batch.status, batch.completed_at) == ("expired", None)
    assert batch.finalizing_at is not None
    assert output
    assert codes(errors) == {"batch_expired"}


def test_a_key_that_is_revoked_on_the_way(server: RunningServer, tmp_path: Path) -> None:
    client = server.client(server.new_key("leaves"))
    batch = begin(client, tmp_path, 150)
    half_done(client, batch)
    assert penstock("keys", "revoke", "leaves", data_dir=server.data_dir).returncode == 0
    batch, output, errors = ended(server.client(), batch)
    assert batch.status == "completed"
    assert output
    assert codes(errors) == {"invalid_api_key"}
    assert {line["response"]["status_code"] for line in errors} == {401}


def test_a_budget_that_is_gone_on_the_way(server: RunningServer, tmp_path: Path) -> None:
    client = server.client(key_on(server.data_dir, "poor", email="poor@example.org"))
    batch, output, errors = ended(client, begin(client, tmp_path, 40, max_tokens=8))
    assert batch.status == "completed"
    assert output
    assert codes(errors) == {"insufficient_quota"}
    assert sum(line["response"]["body"]["usage"]["total_tokens"] for line in output) <= 150


def test_lines_that_are_wrong_fail_alone(server: RunningServer, tmp_path: Path) -> None:
    client = server.client()
    batch, _, errors = ended(client, begin(client, tmp_path, 2, model="nowhere"))
    assert (batch.status, codes(errors)) == ("completed", {"model_not_found"})
    batch, _, errors = ended(client, begin(client, tmp_path, 2, temperature="warm"))
    assert (batch.status, codes(errors)) == ("completed", {"invalid_type"})
    batch, _, errors = ended(client, begin(client, tmp_path, 2, words=900))
    assert (batch.status, codes(errors)) == ("completed", {"context_length_exceeded"})


def test_a_line_that_kills_its_engine_goes_to_the_error_file(server: RunningServer, tmp_path: Path) -> None:
    client = server.client()
    write_lines(tmp_path / "good.jsonl", 12)
    poison = {"model": "echo", "messages": [{"role": "user", "content": "!crash@1 now"}]}
    line = {"custom_id": "poison", "method": "POST", "url": "/v1/chat/completions", "body": poison}
    text = (tmp_path / "good.jsonl").read_text() + json.dumps(line) + "\n"
    uploaded = client.files.create(file=("input.jsonl", text.encode()), purpose="batch")
    made = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h")
    batch, output, errors = ended(client, made)
    assert (batch.status, len(output), [line["custom_id"] for line in errors]) == ("completed", 12, ["poison"])
    assert errors[0]["response"]["status_code"] == 502
    eventually(lambda: server.chat("still here").status == 200)


def test_a_model_that_is_gone_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with serving(folder, "--model", "echo", "--model", "other", config=CONFIG) as running:
        batch = begin(running.client(), tmp_path, 60)
        half_done(running.client(), batch)
    with closing(sqlite3.connect(folder / "penstock.db")) as database, database:
        assert database.execute("SELECT COUNT(*) FROM batch_lines WHERE state = 'running'").fetchone() == (0,)
        database.execute("DELETE FROM batch_runners")  # as if its time had passed
    with serving(folder, "--model", "other", config=CONFIG) as running:
        batch, output, errors = ended(running.client(), batch)
    assert batch.status == "completed"
    assert output
    assert codes(errors) == {"model_not_found"}


def test_a_batch_goes_on_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with serving(folder, "--model", "echo", config=CONFIG) as running:
        batch = begin(running.client(), tmp_path, 60)
        half_done(running.client(), batch)
    with serving(folder, "--model", "echo", config=CONFIG) as running:
        batch, output, errors = ended(running.client(), batch)
        assert (batch.status, len(output), errors) == ("completed", 60, [])
        assert len([row for row in running.ledger() if row["batch"]]) == 60
